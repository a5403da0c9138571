import { errors, type NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import type { StreamDelivery } from './delivery-id.ts'

const confirmTimeoutMs = 3_000

/** The answer that an event is handled. As bytes: the client would encode a text anew for each event. */
export const handledAnswer: Uint8Array = Buffer.from('+ACK')
/** The answer that it is still being worked on. */
export const workingAnswer: Uint8Array = Buffer.from('+WPI')

/** The answer that it is never to come again. */
export const overAnswer: Uint8Array = Buffer.from('+TERM')

/** The answer that an event is to come again, after a pause. */
export function nakAfter(pauseMs: number): Uint8Array {
  return Buffer.from(pauseMs === 0 ? '-NAK' : `-NAK ${JSON.stringify({ delay: pauseMs * 1_000_000 })}`)
}

/** Sends answers to JetStream. It takes those of a consumer in their order, so that the last one is confirmed for all. */
export class AckSender {
  readonly #connection: NatsConnection
  readonly #last = new Map<string, { readonly subject: string; readonly answer: Uint8Array }>()

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  send({ consumer, ackSubject }: StreamDelivery, answer: Uint8Array): void {
    const former = this.#last.get(consumer)
    if (former !== undefined) this.#connection.publish(former.subject, former.answer)
    this.#last.set(consumer, { subject: ackSubject, answer })
  }

  /**
   * Waits until JetStream has all. Gives the consumers that are not there any more.
   *
   * @throws QError `unavailable`
   */
  async confirmed(): Promise<ReadonlySet<string>> {
    const gone = new Set<string>()
    await Promise.all(
      [...this.#last].map(async ([consumer, { subject, answer }]) => {
        if (!(await this.#request(subject, answer))) gone.add(consumer)
      }),
    )
    return gone
  }

  /** False: nobody takes it. */
  async #request(subject: string, answer: Uint8Array): Promise<boolean> {
    try {
      await this.#connection.request(subject, answer, { timeout: confirmTimeoutMs })
      return true
    } catch (error) {
      if (error instanceof errors.RequestError && error.isNoResponders()) return false
      throw new QError('unavailable', 'JetStream does not confirm an answer', { cause: error })
    }
  }
}
