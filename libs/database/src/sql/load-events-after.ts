import type { Executor } from '../pool.ts'
import type { EventFacts } from '@qcore/model'
import { eventColumns } from './load-event.ts'

/** What an event takes besides its payload, about. */
const factsBytes = 512

/** Where to go on: after an event, which was emitted at a time. */
export interface EventsAfter {
  readonly revision: number
  readonly index: number
  readonly emittedUs: number
  /** Events at most. */
  readonly limit: number
  /** Bytes that they take at most, about, beyond the last one. */
  readonly mostBytes: number
}

/** The events that follow one, in their order. */
export async function loadEventsAfter(executor: Executor, after: EventsAfter): Promise<EventFacts[]> {
  const { rows } = await executor.query<EventFacts>({
    name: 'load_events_after',
    text: `
      select ${eventColumns}
      from (
        select *, sum(octet_length(payload) + ${factsBytes}) over (order by revision, event_index)
          - octet_length(payload) - ${factsBytes} as bytes_before
        from (
          select * from event
          where (revision, event_index) > ($1::bigint, $2::int) and emitted_us >= $3::bigint
          order by revision, event_index limit $4) next) event
      where bytes_before < $5::bigint
      order by revision, event_index`,
    values: [after.revision, after.index, after.emittedUs, after.limit, after.mostBytes],
  })
  return rows
}
