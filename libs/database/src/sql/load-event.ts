import type { Executor } from '../pool.ts'
import type { DelayedEventFacts, EventFacts } from '@qcore/model'

const contentColumns = `
  namespace, type, payload, producer, correlation_id as "correlationId", order_key as "orderKey", attributes, writer,
  expires_us as "expiresUs"`

/** The columns of an event. */
export const eventColumns = `
  event.revision, event.event_index as index, event.emitted_us as "emittedUs", event.namespace, event.type, event.payload,
  event.producer, event.correlation_id as "correlationId", event.order_key as "orderKey", event.attributes, event.writer,
  event.expires_us as "expiresUs", event.id_revision as "idRevision", event.id_index as "idIndex",
  event.accepted_us as "acceptedUs", event.due_us as "dueUs"`

/** The columns of an event that is held. */
export const delayedEventColumns = `
  revision, event_index as index, accepted_us as "acceptedUs", due_us as "dueUs", ${contentColumns}`

/** The event at a place of the order; undefined if it is not kept. */
export async function loadEvent(executor: Executor, revision: number, index: number): Promise<EventFacts | undefined> {
  const { rows } = await executor.query<EventFacts>({
    name: 'load_event',
    text: `select ${eventColumns} from event where revision = $1 and event_index = $2`,
    values: [revision, index],
  })
  return rows[0]
}

/** An event by its id, unless it is held; undefined if it is not kept. */
export async function loadEventById(
  executor: Executor,
  revision: number,
  index: number,
): Promise<EventFacts | undefined> {
  const { rows } = await executor.query<EventFacts>({
    name: 'load_event_by_id',
    text: `
      select ${eventColumns} from event where revision = $1 and event_index = $2 and id_revision is null
      union all
      select ${eventColumns} from event where id_revision = $1 and id_index = $2`,
    values: [revision, index],
  })
  return rows[0]
}

/** An event that is held, by its id; undefined if there is none. */
export async function loadDelayedEvent(
  executor: Executor,
  revision: number,
  index: number,
): Promise<DelayedEventFacts | undefined> {
  const { rows } = await executor.query<DelayedEventFacts>({
    name: 'load_delayed_event',
    text: `select ${delayedEventColumns} from delayed_event where revision = $1 and event_index = $2`,
    values: [revision, index],
  })
  return rows[0]
}
