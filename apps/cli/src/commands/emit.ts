import { RawJson, type EventOptions } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import type { Io } from '../io.ts'
import { parseTime, type Time } from '../moment.ts'
import { outJson, withSession } from '../session.ts'

interface EmitOptions {
  readonly producer?: string
  readonly correlation?: string
  readonly key?: string
  readonly order?: string
  readonly at?: Time
  readonly delay?: number
  readonly expires?: number
  readonly dedupe?: string
  readonly window?: number
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
    .option('--order <key>', 'events with the same one can be handled one after the other')
    .option('--at <time>', 'held until this time', parseTime)
    .option('--delay <seconds>', 'held for so long', parseSeconds)
    .option('--expires <seconds>', 'so long after it is emitted, or due, nobody handles it any more', parseSeconds)
    .option('--dedupe <key>', 'not emitted if an event with the same key was')
    .option('--window <seconds>', 'how long that key counts; otherwise five minutes', parseSeconds)
    .action((namespace: string, type: string, given: string, options: EmitOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const payload = new RawJson(given === '-' ? await io.readInput() : given)
        const { key } = options
        const said = { ...saidBy(options), ...(key === undefined ? {} : { idempotencyKey: key }) }
        const { id, revision, time, isDuplicate } = await q.emit(namespace, type, payload, said)
        if (json) await outJson(io, { id, revision, time: time?.toString() ?? null, isDuplicate })
        else await io.out(`${id}\n`)
      }),
    )
}

function saidBy({ producer, correlation, order, at, delay, expires, dedupe, window }: EmitOptions): EventOptions {
  return {
    ...(producer === undefined ? {} : { producer }),
    ...(correlation === undefined ? {} : { correlationId: correlation }),
    ...(order === undefined ? {} : { orderKey: order }),
    ...(at === undefined ? {} : { deliverAt: at }),
    ...(delay === undefined ? {} : { delayMs: delay * 1_000 }),
    ...(expires === undefined ? {} : { lifetimeMs: expires * 1_000 }),
    ...(dedupe === undefined ? {} : { dedupeKey: dedupe }),
    ...(window === undefined ? {} : { dedupeWindowMs: window * 1_000 }),
  }
}

function parseSeconds(text: string): number {
  if (!/^\d{1,12}([.]\d{1,3})?$/.test(text))
    throw new InvalidArgumentError('It is a number of seconds such as 90 or 0.5.')
  return Number(text)
}
