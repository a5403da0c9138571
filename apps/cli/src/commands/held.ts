import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface ListOptions {
  readonly type?: string
  readonly producer?: string
  readonly correlation?: string
}

export function addHeld(program: Command, io: Io): void {
  const held = program.command('held').description('events that are held until they are due')
  held
    .command('list', { isDefault: true })
    .description('list those of a namespace, what is due first')
    .argument('<namespace>', 'the namespace')
    .option('--type <pattern>', 'of this type; * stands for one part, > at the end for one or more')
    .option('--producer <name>', 'emitted by')
    .option('--correlation <id>', 'that belong to this')
    .action((namespace: string, options: ListOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { correlation, ...query } = options
        const wanted = { ...query, ...(correlation === undefined ? {} : { correlationId: correlation }) }
        for await (const event of q.events.held.list(namespace, wanted, { signal: io.signal })) {
          const { id, type, producer, correlationId, payload, payloadText, deliverAt } = event
          const due = deliverAt?.toString() ?? ''
          if (json) await outJson(io, { id, type, deliverAt: due, producer, correlationId, payload })
          else await io.out(`${due}  ${id}  ${type}  ${printable(payloadText)}\n`)
        }
      }),
    )
  held
    .command('cancel')
    .description('cancel one: it is never emitted')
    .argument('<id>', 'the id of the event')
    .action((id: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q }) => void (await q.events.held.cancel(id))),
    )
}
