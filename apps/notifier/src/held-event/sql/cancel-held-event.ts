import { delayedEventColumns, type Executor } from '@qcore/database'
import type { DelayedEventFacts } from '@qcore/model'

/**
 * Cancels an event that is held, unless it is due within a time: the writer may emit it just now. Its dedupe key is free again.
 * Undefined: it was not.
 */
export async function cancelHeldEvent(
  executor: Executor,
  { revision, index, marginMs }: { readonly revision: number; readonly index: number; readonly marginMs: number },
): Promise<DelayedEventFacts | undefined> {
  const { rows } = await executor.query<DelayedEventFacts>({
    name: 'cancel_held_event',
    text: `
      with cancelled as (
        delete from delayed_event
        where revision = $1 and event_index = $2
          and due_us > (extract(epoch from clock_timestamp()) * 1000000)::bigint + $3::bigint * 1000
        returning *
      ), freed as (
        delete from event_key using cancelled
        where event_key.namespace = cancelled.namespace and event_key.revision = cancelled.revision
          and event_key.event_index = cancelled.event_index
      )
      select ${delayedEventColumns} from cancelled`,
    values: [revision, index, marginMs],
  })
  return rows[0]
}
