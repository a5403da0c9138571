import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { followNats } from '@qcore/service'
import type { OwnLease } from '../shares/own-lease.ts'

/** Bytes that may be on their way without NATS having confirmed that it has them: what a process holds of them at most. */
const mostUnconfirmedBytes = 4_194_304
/** After so many bytes NATS is asked to confirm. */
const confirmAfterBytes = 524_288
/** More than the headers of a message take. */
const headerBytes = 1_024
/** Without an answer the connection is as good as gone. */
const confirmTimeoutMs = 600

export interface OutgoingMessage {
  readonly subject: string
  readonly body: Uint8Array
  readonly headers: MsgHdrs
  readonly reply?: string
}

/**
 * The way out for all messages of a notifier: open while NATS is connected, the lease is held, and not too much is on its
 * way.
 */
export class PublishGate implements Disposable {
  readonly #connection: NatsConnection
  readonly #lease: OwnLease
  readonly #statuses: Disposable
  #isConnected = true
  #generation = 0
  #unconfirmedBytes = 0
  #confirming: Promise<boolean> | undefined
  #opened = Promise.withResolvers<void>()

  /** @param onLost told when the connection broke: what was not confirmed may be lost */
  constructor(connection: NatsConnection, lease: OwnLease, onLost: () => void) {
    this.#connection = connection
    this.#lease = lease
    this.#statuses = followNats(connection, (type) => {
      if (type === 'disconnect') {
        this.#isConnected = false
        this.#generation += 1
        this.#unconfirmedBytes = 0
        onLost()
      } else if (type === 'reconnect') {
        this.#isConnected = true
        this.announce()
      }
    })
  }

  get isOpen(): boolean {
    return this.#isConnected && this.#lease.isHeld && this.#unconfirmedBytes < mostUnconfirmedBytes
  }

  /** The most bytes of a body that NATS takes as one message, with room for headers. */
  get mostBodyBytes(): number {
    return (this.#connection.info?.max_payload ?? 1_048_576) - headerBytes
  }

  /** Whoever waits looks again whether the gate is open. */
  announce(): void {
    this.#opened.resolve()
    this.#opened = Promise.withResolvers()
  }

  /** Waits until the gate is open. Rejects when the signal fires. */
  async whenOpen(signal: AbortSignal): Promise<void> {
    while (!this.isOpen) {
      signal.throwIfAborted()
      const aborted = Promise.withResolvers<void>()
      const onAbort = (): void => aborted.resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      await Promise.race([this.#opened.promise, aborted.promise])
      signal.removeEventListener('abort', onAbort)
    }
    signal.throwIfAborted()
  }

  /** Sends a message. Only while the gate is open. */
  publish({ subject, body, headers, reply }: OutgoingMessage): void {
    this.#connection.publish(subject, body, { headers, ...(reply === undefined ? {} : { reply }) })
    this.#unconfirmedBytes += body.length
    if (this.#unconfirmedBytes >= confirmAfterBytes && this.#confirming === undefined) void this.confirm()
  }

  /** Asks NATS whether it has all that was sent before the call. False: that is not known. */
  async confirm(): Promise<boolean> {
    // One that is under way does not cover what was sent since.
    await this.#confirming
    return (this.#confirming ??= this.#flush().finally(() => (this.#confirming = undefined)))
  }

  async #flush(): Promise<boolean> {
    const generation = this.#generation
    const bytes = this.#unconfirmedBytes
    const isAnswered = this.#isConnected && (await answered(this.#connection))
    if (!isAnswered || generation !== this.#generation) return false
    this.#unconfirmedBytes -= bytes
    this.announce()
    if (this.#unconfirmedBytes >= confirmAfterBytes) void this.confirm()
    return true
  }

  [Symbol.dispose](): void {
    this.#statuses[Symbol.dispose]()
  }
}

async function answered(connection: NatsConnection): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), confirmTimeoutMs)))
  const flushed = connection.flush().then(
    () => true,
    () => false,
  )
  const isAnswered = await Promise.race([flushed, tooLate])
  clearTimeout(timer)
  return isAnswered
}
