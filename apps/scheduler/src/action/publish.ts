import { jetstream } from '@nats-io/jetstream'
import { errors, headers, type NatsConnection } from '@nats-io/transport-node'
import { isPlatformSubject } from '@qcore/contracts'
import { untilAborted } from '@qcore/service'
import { WireHeaders } from '@qcore/transport'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'
import { LimitedSignal } from './limited-signal.ts'
import { messageIdOf, occasionJson } from './occasion-json.ts'

export interface PublishOptions {
  readonly connection: NatsConnection
  /** Patterns of subjects that may be published to. */
  readonly allowed: readonly string[]
  /** How long a stream, or the server, may take to answer, in milliseconds. */
  readonly timeoutMs: number
}

/** Publishes a message on a NATS subject. */
export class PublishRunner implements ActionRunner {
  readonly #options: PublishOptions
  #flushing: Promise<void> | undefined
  /** How long the next flush may take. */
  #flushMs = Infinity

  constructor(options: PublishOptions) {
    this.#options = options
  }

  async run(occasion: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const { connection, allowed, timeoutMs } = this.#options
    const kind = occasion.settings.put.action?.kind
    if (kind?.case !== 'publish') return { kind: 'failed', error: 'the schedule publishes nothing', finally: 'refused' }
    const { subject, needsStream } = kind.value
    // The writer has looked at it already: a schedule may be older than what the deployment allows.
    if (isPlatformSubject(subject) || !allowed.some((pattern) => matches(pattern, subject))) {
      return { kind: 'failed', error: `schedules may not publish to ${subject}`, finally: 'refused' }
    }
    const body = kind.value.body.length > 0 ? kind.value.body : Buffer.from(occasionJson(occasion))
    const limitMs = Math.max(1, Math.floor(Math.min(timeoutMs, occasion.deadlineAt - performance.now())))
    try {
      if (needsStream) {
        const named = headers()
        for (const [name, value] of namedBy(occasion, kind.value.headers)) named.append(name, value)
        const taken = jetstream(connection).publish(subject, body, { headers: named, timeout: limitMs })
        const { stream, seq } = await inTime(taken, limitMs, signal)
        return { kind: 'done', result: `${stream} ${seq}` }
      }
      const named = new WireHeaders(namedBy(occasion, kind.value.headers))
      connection.publish(subject, body, { headers: named.forNats() })
      await this.#flush(limitMs, signal)
      return { kind: 'done' }
    } catch (error) {
      if (signal.aborted) throw error
      // A second message has the same id.
      if (!(error instanceof errors.TimeoutError)) return { kind: 'failed', error: messageOf(error) }
      return { kind: 'postponed', error: `no answer of NATS within ${limitMs} ms`, inDoubt: false }
    }
  }

  /** Resolves when the server has what was published. What is published in the same turn goes along, in the shortest time of all. */
  #flush(limitMs: number, signal: AbortSignal): Promise<void> {
    this.#flushMs = Math.min(this.#flushMs, limitMs)
    this.#flushing ??= Promise.resolve().then(() => {
      const shortestMs = this.#flushMs
      this.#flushing = undefined
      this.#flushMs = Infinity
      return inTime(this.#options.connection.flush(), shortestMs, signal)
    })
    return this.#flushing
  }
}

/** A promise's result. Throws NATS' `TimeoutError` if it takes longer. */
async function inTime<T>(promise: Promise<T>, limitMs: number, signal: AbortSignal): Promise<T> {
  using limited = new LimitedSignal(signal, limitMs)
  try {
    return await untilAborted(promise, limited.signal)
  } catch (error) {
    throw limited.isTimeUp ? new errors.TimeoutError({ cause: error }) : error
  }
}

function namedBy(
  { occurrence }: Occasion,
  given: readonly { name: string; value: string }[],
): [name: string, value: string][] {
  return [...given.map(({ name, value }): [string, string] => [name, value]), ['Nats-Msg-Id', messageIdOf(occurrence)]]
}

function messageOf(error: unknown): string {
  // The library takes a subject at which no stream listens for a server without streams.
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof errors.RequestError && cause.isNoResponders()) return 'no stream takes the subject'
  return error instanceof Error ? error.message : String(error)
}

/** Whether a pattern with `*` and `>`, as NATS has them, selects a subject. */
export function matches(pattern: string, subject: string): boolean {
  const parts = subject.split('.')
  const wanted = pattern.split('.')
  for (const [index, part] of wanted.entries()) {
    if (part === '>') return parts.length > index
    if (index >= parts.length || (part !== '*' && part !== parts[index])) return false
  }
  return parts.length === wanted.length
}
