import type { Executor } from '@qcore/database'
import type { Event } from '@qcore/contracts'
import { microsFromTimestamp, parseEventPosition, textFromAttributes } from '@qcore/model'

/** What becomes a dead letter. */
export interface Burial {
  readonly subscriptionId: string
  readonly event: Event
  /** A DeadLetterReason. */
  readonly reason: number
  readonly error: string
  readonly fingerprint: string
  readonly attempts: number
  readonly nodeId: string
}

/**
 * Makes an event of a subscription a dead letter, once, and notes that it is one. Gives the id of the dead letter; undefined if
 * the subscription is gone.
 */
export async function bury(executor: Executor, burial: Burial): Promise<number | undefined> {
  const { subscriptionId, event, reason, error, fingerprint, attempts, nodeId } = burial
  const { revision, index } = parseEventPosition(event.position) ?? { revision: 0, index: 0 }
  const emittedUs = event.emitTime === undefined ? 0 : Number(microsFromTimestamp(event.emitTime, ''))
  const { rows } = await executor.query<{ id: number }>({
    name: 'bury',
    text: `
      with noted as (
        insert into event_attempt (subscription_id, revision, event_index, is_dead, updated_at)
        select id, $2, $3, true, clock_timestamp() from event_subscription where id = $1
        on conflict (subscription_id, revision, event_index) do update set
          is_dead = true, updated_at = excluded.updated_at
        returning subscription_id
      )
      insert into dead_letter (
        namespace, group_name, revision, event_index, event_id, emitted_us, type, payload, producer, correlation_id,
        order_key, attributes, writer,
        reason, error, fingerprint, attempts, node_id, died_at)
      select subscribed.namespace, subscribed.group_name, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        clock_timestamp()
      from noted join event_subscription subscribed on subscribed.id = noted.subscription_id
      -- There is one if the answer came twice: then it stays as it is.
      on conflict (namespace, group_name, revision, event_index) do update set event_id = excluded.event_id
      returning id`,
    values: [
      subscriptionId,
      revision,
      index,
      event.id,
      emittedUs,
      event.type,
      event.payload,
      event.producer,
      event.correlationId,
      event.orderKey,
      textFromAttributes(event.attributes),
      event.writer,
      reason,
      error,
      fingerprint,
      attempts,
      nodeId,
    ],
  })
  return rows[0]?.id
}
