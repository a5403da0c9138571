import { registrationMetrics } from '../metrics.ts'
import type { AckInbox, Reply } from './ack-inbox.ts'
import { bodiesOf, deliveryOf } from './delivery-message.ts'
import type { Delivery } from '@qcore/contracts'
import type { DeliveryStep } from './delivery-step.ts'
import type { SenderOptions } from './fan-out-sender.ts'
import { headersOf } from './nats-message.ts'
import type { Sender } from './sender.ts'

/** The pause before a message is sent again that nobody was there for, or that was given back; it doubles up to the longest. */
const firstRetryMs = 100
const longestRetryMs = 2_000

export interface SharedOptions extends SenderOptions {
  readonly inbox: AckInbox
  readonly ackTimeoutMs: number
  readonly maxUnacknowledged: number
  /** How many times somebody is given a message without taking it, before it is given up. */
  readonly maxAttempts: number
  /** Where a message goes that is given up. */
  readonly undelivered: string
}

interface Unacknowledged {
  readonly delivery: Delivery
  /** All before it up to here was delivered when it is the first. */
  readonly after: number
  readonly replyTo: string
  attempt: number
  /** How often somebody was there and did not take it. */
  refusals: number
  isTaken: boolean
  isSending: boolean
  timer: NodeJS.Timeout | undefined
}

/** Sends each message to one instance of the service, and again until one has taken it, or it is given up. */
export class SharedSender implements Sender {
  readonly #options: SharedOptions
  readonly #closed = new AbortController()
  /** In order. */
  readonly #waiting: Unacknowledged[] = []
  #taken: number
  #part = 0
  #room: PromiseWithResolvers<void> | undefined
  #settled: PromiseWithResolvers<void> | undefined

  constructor(options: SharedOptions) {
    this.#options = options
    this.#taken = options.revision
  }

  get takenRevision(): number {
    return this.#taken
  }

  get sentRevision(): number {
    return this.deliveredRevision
  }

  get deliveredRevision(): number {
    return this.#waiting[0]?.after ?? this.#taken
  }

  async send(step: DeliveryStep, signal: AbortSignal): Promise<void> {
    if (step.event.case === 'notifications' || step.event.case === 'folded') {
      while (this.#waiting.length >= this.#options.maxUnacknowledged) await this.#hasRoom(signal)
      this.#add(step)
    }
    if (step.isLastPart) this.#taken = Math.max(this.#taken, step.revision)
  }

  confirm(): void {}

  recover(): boolean {
    for (const message of this.#waiting) if (!message.isTaken) this.#sendSoon(message)
    return false
  }

  tick(): void {}

  settled(): Promise<void> {
    this.#settled ??= Promise.withResolvers()
    if (this.#waiting.length === 0) this.#settled.resolve()
    return this.#settled.promise
  }

  close(): void {
    this.#closed.abort()
    for (const message of this.#waiting) this.#forget(message)
  }

  #add(step: DeliveryStep): void {
    const after = this.#taken
    const numbered = { ...step, previousRevision: after, part: this.#part }
    const replyTo = this.#options.inbox.open(this.#options.origin.token, (reply) => this.#onReply(message, reply))
    const message: Unacknowledged = {
      delivery: deliveryOf(numbered, this.#options.origin),
      after,
      replyTo,
      attempt: 0,
      refusals: 0,
      isTaken: false,
      isSending: false,
      timer: undefined,
    }
    this.#waiting.push(message)
    this.#part = step.isLastPart ? 0 : this.#part + 1
    this.#sendSoon(message)
  }

  #sendSoon(message: Unacknowledged): void {
    clearTimeout(message.timer)
    const { gate } = this.#options
    if (gate.isOpen) {
      this.#send(message)
      return
    }
    if (message.isSending) return
    message.isSending = true
    gate.whenOpen(this.#closed.signal).then(
      () => {
        message.isSending = false
        if (!message.isTaken) this.#send(message)
      },
      () => undefined,
    )
  }

  #send(message: Unacknowledged): void {
    const { subject, format, gate, ackTimeoutMs } = this.#options
    message.attempt += 1
    if (message.attempt > 1) registrationMetrics.redelivered.inc()
    message.delivery.attempt = message.attempt
    // Its parts would go to several instances.
    const [body] = bodiesOf(message.delivery, { format, mostBytes: gate.mostBodyBytes, isWhole: true })
    if (body === undefined) return
    gate.publish({ subject, body: body.body, headers: headersOf(body), reply: message.replyTo })
    registrationMetrics.messages.inc()
    message.timer = setTimeout(() => this.#refused(message, 0), ackTimeoutMs)
  }

  /** Nobody took it. A message that nobody is there for waits; one that is refused again and again is given up. */
  #refused(message: Unacknowledged, pauseMs: number): void {
    message.refusals += 1
    const { maxAttempts, undelivered, format, gate } = this.#options
    if (message.refusals < maxAttempts || !gate.isOpen) {
      message.timer = setTimeout(() => this.#sendSoon(message), pauseMs)
      return
    }
    registrationMetrics.undelivered.inc()
    for (const { body, ...rest } of bodiesOf(message.delivery, {
      format,
      mostBytes: gate.mostBodyBytes,
      isWhole: true,
    })) {
      gate.publish({ subject: undelivered, body, headers: headersOf({ body, ...rest }) })
    }
    this.#settle(message)
  }

  #onReply(message: Unacknowledged, reply: Reply): void {
    if (message.isTaken) return
    clearTimeout(message.timer)
    if (reply === 'taken') {
      this.#settle(message)
      return
    }
    if (reply === 'in progress') {
      message.timer = setTimeout(() => this.#refused(message, 0), this.#options.ackTimeoutMs)
      return
    }
    const pauseMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(message.attempt - 1, 10))
    if (reply === 'refused') this.#refused(message, pauseMs)
    else message.timer = setTimeout(() => this.#sendSoon(message), pauseMs)
  }

  /** Nobody has to be given it any more. */
  #settle(message: Unacknowledged): void {
    message.isTaken = true
    this.#forget(message)
    while (this.#waiting[0]?.isTaken === true) this.#waiting.shift()
    this.#room?.resolve()
    this.#room = undefined
    if (this.#waiting.length === 0) this.#settled?.resolve()
  }

  #forget({ replyTo, timer }: Unacknowledged): void {
    clearTimeout(timer)
    this.#options.inbox.close(replyTo)
  }

  async #hasRoom(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#room ??= Promise.withResolvers()
    const room = this.#room
    const onAbort = (): void => room.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await room.promise
    signal.removeEventListener('abort', onAbort)
    if (this.#room === room) this.#room = undefined
    signal.throwIfAborted()
  }
}
