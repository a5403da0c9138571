import type { ListedRegistration } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface ListOptions {
  all?: boolean
  ended?: boolean
  service?: string
}

export function addRegistration(program: Command, io: Io): void {
  const registration = program.command('registration').description('show and end registrations for notifications')
  registration
    .command('list')
    .description('list the registrations of the token')
    .option('--all', "everybody's; needs level admin")
    .option('--ended', 'also those that ended in the last ten minutes')
    .option('--service <name>', 'those of one service')
    .action(({ all = false, ended = false, service }: ListOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const found: ListedRegistration[] = []
        const named = service === undefined ? {} : { service }
        for await (const each of q.registrations({ ...named, allOwners: all, includeEnded: ended })) {
          if (json) await outJson(io, jsonOf(each))
          else found.push(each)
        }
        if (!json && found.length > 0) await io.out(aligned([header, ...found.map(rowOf)]))
      }),
    )
  registration
    .command('end')
    .description('end a registration')
    .argument('<token>', 'its token')
    .action((token: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q }) => q.endRegistration(token)),
    )
}

const header = ['token', 'service', 'owner', 'delivery', 'delivered', 'until', '']

function rowOf(each: ListedRegistration): string[] {
  const { token, service, owner, delivery, backPressure, deliveredRevision, leaseEnd, end } = each
  const how = backPressure === 'latest' ? `${delivery}, latest` : delivery
  const until = (end?.time ?? leaseEnd).toString()
  const state = end === undefined ? '' : `${end.code}: ${printable(end.message)}`
  return [token, service, printable(owner), how, String(deliveredRevision), until, state]
}

function jsonOf(each: ListedRegistration) {
  const { created, leaseEnd, end, ...rest } = each
  const ended = end === undefined ? null : { ...end, time: end.time.toString() }
  return { ...rest, created: created.toString(), leaseEnd: leaseEnd.toString(), end: ended }
}
