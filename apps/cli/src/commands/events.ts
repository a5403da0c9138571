import type { EventQuery, StoredEvent } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import type { Io } from '../io.ts'
import { parseTime, type Time } from '../moment.ts'
import { printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface EventsOptions {
  readonly type?: string
  readonly from?: Time
  readonly to?: Time
  readonly producer?: string
  readonly correlation?: string
  readonly oldest?: boolean
  readonly limit: number
}

const defaultLimit = 50

export function addEvents(program: Command, io: Io): void {
  program
    .command('events')
    .description('show events of a namespace, or one event')
    .argument('<namespace>', 'the namespace, or the id of an event')
    .option('--type <pattern>', 'of this type; * stands for one part, > at the end for one or more')
    .option('--from <time>', 'from this time on', parseTime)
    .option('--to <time>', 'before this time', parseTime)
    .option('--producer <name>', 'emitted by')
    .option('--correlation <id>', 'that belong to this')
    .option('--oldest', 'the oldest first; otherwise the newest')
    .option('--limit <number>', 'at most so many', parseLimit, defaultLimit)
    .action((named: string, options: EventsOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const isId = /^\d/.test(named)
        const events = isId
          ? [await q.events.get(named)]
          : q.events.search(named, queryOf(options), { signal: io.signal })
        for await (const event of events) await outEvent(io, event, json)
      }),
    )
}

function queryOf({ type, from, to, producer, correlation, oldest = false, limit }: EventsOptions): EventQuery {
  return {
    first: oldest ? 'oldest' : 'newest',
    limit,
    ...(type === undefined ? {} : { type }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(producer === undefined ? {} : { producer }),
    ...(correlation === undefined ? {} : { correlationId: correlation }),
  }
}

async function outEvent(io: Io, event: StoredEvent, json: boolean): Promise<void> {
  const { payload, payloadText, time, acceptedAt, deliverAt, expiresAt, ...facts } = event
  const text = (at: typeof acceptedAt): string | null => at?.toString() ?? null
  const times = {
    time: text(time),
    acceptedAt: text(acceptedAt),
    deliverAt: text(deliverAt),
    expiresAt: text(expiresAt),
  }
  if (json) await outJson(io, { ...facts, ...times, payload })
  else await io.out(`${time.toString()}  ${event.id}  ${event.type}  ${printable(payloadText)}\n`)
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}
