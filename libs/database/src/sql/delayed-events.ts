import type { Executor } from '../pool.ts'
import type { DelayedEventFacts } from '@qcore/model'
import { delayedEventColumns } from './load-event.ts'

/** When the next of the events is due that are held, in microseconds since 1970; undefined if none is held. */
export async function readNextDue(executor: Executor): Promise<number | undefined> {
  const { rows } = await executor.query<{ dueUs: number }>({
    name: 'read_next_due',
    text: 'select due_us as "dueUs" from delayed_event order by due_us limit 1',
  })
  return rows[0]?.dueUs
}

/**
 * Events that are due, in the order of that: at most `limit`, and about `mostBytes` beyond the last one.
 */
export async function loadDueEvents(
  executor: Executor,
  { nowUs, limit, mostBytes }: { nowUs: number; limit: number; mostBytes: number },
): Promise<DelayedEventFacts[]> {
  const { rows } = await executor.query<DelayedEventFacts>({
    name: 'load_due_events',
    text: `
      select ${delayedEventColumns}
      from (
        select *, sum(octet_length(payload)) over (order by due_us, revision, event_index)
          - octet_length(payload) as bytes_before
        from (
          select * from delayed_event where due_us <= $1::bigint
          order by due_us, revision, event_index limit $2) next) due
      where bytes_before < $3::bigint
      order by due_us, revision, event_index`,
    values: [nowUs, limit, mostBytes],
  })
  return rows
}
