import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { LeaseTerm, type LeaseOptions } from './lease-term.ts'
import type { NatsPresence } from './nats-presence.ts'

/** Time between attempts to take the lease: from half of this to all of it, so that standbys do not ask together. */
const mostPollMs = 500

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
  try {
    while (!signal.aborted) {
      try {
        const term = presence.isThere ? await LeaseTerm.take(options) : undefined
        if (term !== undefined) return term
      } catch (error) {
        options.logger.warn({ err: error }, 'cannot ask for the lease')
      }
      await hints.wait(mostPollMs * (0.5 + Math.random() / 2), signal)
    }
    return undefined
  } finally {
    hints.close()
  }
}

/** A delay that a message on a subject ends early. */
class HintedDelay {
  readonly #subscription: Subscription
  #wake = new AbortController()

  constructor(connection: NatsConnection, subject: string) {
    this.#subscription = connection.subscribe(subject, { callback: () => this.#wake.abort() })
  }

  async wait(mostMs: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController()
    const ended = AbortSignal.any([signal, this.#wake.signal])
    await delay(mostMs, undefined, { signal: ended }).catch(() => undefined)
  }

  close(): void {
    this.#subscription.unsubscribe()
  }
}
