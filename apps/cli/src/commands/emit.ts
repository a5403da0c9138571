import { RawJson } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

interface EmitOptions {
  readonly producer?: string
  readonly correlation?: string
  readonly key?: string
}

export function addEmit(program: Command, io: Io): void {
  program
    .command('emit')
    .description('emit an event')
    .argument('<namespace>', 'the namespace; `qcore namespace register` makes one')
    .argument('<type>', 'what happened: order.placed')
    .argument('[payload]', 'JSON, which is kept as it is; - reads the standard input', '{}')
    .option('--producer <name>', 'who emits it')
    .option('--correlation <id>', 'what it belongs to')
    .option('--key <key>', 'an idempotency key: with the same one it is emitted once')
    .action((namespace: string, type: string, given: string, options: EmitOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const payload = new RawJson(given === '-' ? await io.readInput() : given)
        const { producer = '', correlation: correlationId = '', key } = options
        const said = { producer, correlationId, ...(key === undefined ? {} : { idempotencyKey: key }) }
        const { id, revision, time } = await q.emit(namespace, type, payload, said)
        if (json) await outJson(io, { id, revision, time: time?.toString() ?? null })
        else await io.out(`${id}\n`)
      }),
    )
}
