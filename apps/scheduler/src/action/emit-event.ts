import { commit, RawJson, type Client, type EventOptions } from '@qcore/client'
import type { EmitEvent } from '@qcore/contracts'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'
import { occurrenceKey, outcomeOfFailure } from './commit-outcome.ts'

/** What stands for the occurrence in the correlation id of an event. */
const occurrenceMark = '{occurrence}'

/** Who emits, of an event that does not say so. */
const producer = 'scheduler'

/**
 * Emits the event of a schedule, by a commit whose key is the occurrence: however often it is tried, and by whomever, there
 * is one event.
 */
export class EmitEventRunner implements ActionRunner {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  async run({ occurrence, settings, attempt, deadlineAt }: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const kind = settings.put.action?.kind
    if (kind?.case !== 'emitEvent') return { kind: 'failed', error: 'the schedule emits no event', finally: 'refused' }
    const { namespace, type, payload } = kind.value
    const options = optionsOf(kind.value, occurrence)
    try {
      const { results } = await this.#client.commit(commit().emit(namespace, type, new RawJson(payload), options), {
        idempotencyKey: occurrenceKey(occurrence),
        timeoutMs: Math.max(1, Math.floor(deadlineAt - performance.now())),
        signal,
      })
      return { kind: 'done', result: `event ${results[0]?.eventId ?? ''}` }
    } catch (error) {
      return outcomeOfFailure(error, attempt)
    }
  }
}

/** What is said of the event of an occurrence. Times that are the same for all occurrences are refused with the schedule. */
function optionsOf(event: EmitEvent, { id, scheduleId }: Occasion['occurrence']): EventOptions {
  const { delivery, expiry, orderKey, dedupeKey, dedupeWindowMs, attributes } = event
  return {
    producer: event.producer || producer,
    correlationId: event.correlationId.replace(occurrenceMark, id) || scheduleId,
    orderKey,
    attributes,
    ...(delivery.case === 'delayMs' ? { delayMs: Number(delivery.value) } : {}),
    ...(expiry.case === 'lifetimeMs' ? { lifetimeMs: Number(expiry.value) } : {}),
    ...(dedupeKey === '' ? {} : { dedupeKey }),
    ...(dedupeWindowMs === 0n ? {} : { dedupeWindowMs: Number(dedupeWindowMs) }),
  }
}
