import type { Namespace } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

export function addNamespace(program: Command, io: Io): void {
  const namespace = program.command('namespace').description('namespaces of events')
  namespace
    .command('register')
    .description('register a namespace, or change its description')
    .argument('<name>', 'a lower-case letter, then lower-case letters, digits, _ and -')
    .option('--description <text>', 'what it is for')
    .action((name: string, { description }: { description?: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const registered = await q.events.registerNamespace(name, description === undefined ? {} : { description })
        if (json) await outJson(io, jsonOf(registered))
        else await io.out(`${registered.name}\n`)
      }),
    )
  namespace
    .command('list')
    .description('list all namespaces')
    .action((_options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        for (const each of await q.events.namespaces()) {
          if (json) await outJson(io, jsonOf(each))
          else await io.out(`${each.name}${each.description === '' ? '' : `  ${printable(each.description)}`}\n`)
        }
      }),
    )
}

function jsonOf({ createdAt, updatedAt, ...facts }: Namespace): Record<string, unknown> {
  return { ...facts, createdAt: createdAt.toString(), updatedAt: updatedAt.toString() }
}
