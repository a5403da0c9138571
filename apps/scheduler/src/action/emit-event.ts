import { commit, RawJson, type Client, type EventOptions } from '@qcore/client'
import type { EmitEvent } from '@qcore/contracts'
import { isQError, type ErrorCode } from '@qcore/errors'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'

/** What stands for the occurrence in the correlation id of an event. */
const occurrenceMark = '{occurrence}'

/** Who emits, of an event that does not say so. */
const producer = 'scheduler'

/** The event may be there; `canceled` is the scheduler's own stop. */
const inDoubt: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['outcome_unknown', 'deadline_exceeded', 'canceled'])

/** Nothing is wrong with the event: the writer cannot be reached. */
const notDone: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'no_responders',
  'not_leader',
  'out_of_order',
  'overloaded',
  'rate_limited',
  'unavailable',
  'unauthenticated',
  'token_invalid',
  'token_expired',
])

/**
 * Emits the event of a schedule, by a commit whose key is the occurrence: however often it is tried, and by whomever, there
 * is one event.
 */
export class EmitEventRunner implements ActionRunner {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  async run({ occurrence, settings, deadlineAt }: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const kind = settings.put.action?.kind
    if (kind?.case !== 'emitEvent') return { kind: 'failed', error: 'the schedule emits no event', finally: 'refused' }
    const { namespace, type, payload } = kind.value
    const { scheduleId, nominalUs, run } = occurrence
    const options = optionsOf(kind.value, occurrence)
    try {
      const { results } = await this.#client.commit(commit().emit(namespace, type, new RawJson(payload), options), {
        idempotencyKey: `schedule:${scheduleId}:${nominalUs}:${run}`,
        timeoutMs: Math.max(1, Math.floor(deadlineAt - performance.now())),
        signal,
      })
      return { kind: 'done', result: `event ${results[0]?.eventId ?? ''}` }
    } catch (error) {
      if (!isQError(error)) throw error
      const text = `${error.code}: ${error.message}`
      if (inDoubt.has(error.code)) return { kind: 'postponed', error: text, inDoubt: true }
      if (notDone.has(error.code)) return { kind: 'postponed', error: text, inDoubt: false }
      return { kind: 'failed', error: text, finally: 'refused' }
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
