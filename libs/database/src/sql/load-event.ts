import type { Executor } from '../pool.ts'
import type { EventRow } from '../group-rows.ts'

/** The columns of an event. */
export const eventColumns = `
  event.revision, event.event_index as index, event.emitted_us as "emittedUs", event.namespace, event.type, event.payload,
  event.producer, event.correlation_id as "correlationId", event.writer`

/** An event; undefined if it is not kept. */
export async function loadEvent(executor: Executor, revision: number, index: number): Promise<EventRow | undefined> {
  const { rows } = await executor.query<EventRow>({
    name: 'load_event',
    text: `select ${eventColumns} from event where revision = $1 and event_index = $2`,
    values: [revision, index],
  })
  return rows[0]
}
