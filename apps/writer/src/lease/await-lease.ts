import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { untilAborted } from '@qcore/service'
import { LateAbort } from '../late-abort.ts'
import { LeaseTerm, type LeaseOptions, type LeaseRequest } from './lease-term.ts'
import type { NatsPresence } from './nats-presence.ts'

/** Time between attempts to take the lease: from half of this to all of it, so that standbys do not ask together. */
const mostPollMs = 500
/** So soon after the lease has run out it is asked for, at most. */
const mostLateMs = 40
/** How long a stop waits for the answer of PostgreSQL. A lease that it grants later runs out by itself. */
const stopTimeoutMs = 1_000

/** The subject on which a writer says that it has given the lease up: a hint, which may be lost. */
export function leaseSubject(store: string): string {
  return `q.${store}.lease`
}

/**
 * Waits for the lease, and for NATS, without which it is of no use. Undefined if the signal was aborted first.
 *
 * @param hint the subject whose messages say that the lease may be free
 */
export async function awaitLease(
  options: LeaseOptions,
  {
    connection,
    presence,
    hint,
    signal,
  }: { connection: NatsConnection; presence: NatsPresence; hint: string; signal: AbortSignal },
): Promise<LeaseTerm | undefined> {
  const hints = new HintedDelay(connection, hint)
  using givenUp = new LateAbort(signal, stopTimeoutMs)
  try {
    while (!signal.aborted) {
      let { leftMs } = nothingAsked
      hints.listen()
      try {
        const request: LeaseRequest = presence.isThere
          ? await untilAborted(LeaseTerm.take(options), givenUp.signal)
          : nothingAsked
        if (request.term !== undefined) return request.term
        leftMs = request.leftMs
      } catch (error) {
        options.logger.warn({ err: error }, 'cannot ask for the lease')
      }
      await hints.wait(pauseBeforeAsking(leftMs, Math.random()), signal)
    }
    return undefined
  } finally {
    hints.close()
  }
}

const nothingAsked: LeaseRequest = { term: undefined, leftMs: Infinity }

/**
 * How long to wait before the lease is asked for again: until it runs out, if that is soon.
 *
 * @param chance from 0 to 1
 */
export function pauseBeforeAsking(leftMs: number, chance: number): number {
  return Math.min(mostPollMs * (0.5 + chance / 2), Math.max(0, leftMs) + mostLateMs * (0.25 + chance * 0.75))
}

/** A delay that a message on a subject ends early. */
class HintedDelay {
  readonly #subscription: Subscription
  #wake = new AbortController()

  constructor(connection: NatsConnection, subject: string) {
    this.#subscription = connection.subscribe(subject, { callback: () => this.#wake.abort() })
  }

  /** From now on a message ends the next delay. */
  listen(): void {
    this.#wake = new AbortController()
  }

  async wait(mostMs: number, signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#wake.signal])
    await delay(mostMs, undefined, { signal: ended }).catch(() => undefined)
  }

  close(): void {
    this.#subscription.unsubscribe()
  }
}
