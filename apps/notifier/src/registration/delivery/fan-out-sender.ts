import type { BodyFormat } from '@qcore/contracts'
import { registrationMetrics } from '../metrics.ts'
import { bodiesOf, deliveryOf, type MessageOrigin } from './delivery-message.ts'
import type { DeliveryStep } from './delivery-step.ts'
import { headersOf } from './nats-message.ts'
import type { PublishGate } from './publish-gate.ts'
import type { Sender } from './sender.ts'

/** How often subscribers learn how far their registration is while something happens, or did: so they notice a lost message. */
const progressEveryMs = 2_000
/** And how often when nothing does. */
const idleProgressEveryMs = 30_000

export interface SenderOptions {
  readonly origin: MessageOrigin
  readonly subject: string
  readonly format: BodyFormat
  readonly gate: PublishGate
  /** After which it begins. */
  readonly revision: number
}

/** Sends to whoever subscribes. */
export class FanOutSender implements Sender {
  readonly #options: SenderOptions
  #taken: number
  #confirmed: number
  /** Up to where the last message reaches. */
  #published: number
  #part = 0
  #progressAt = performance.now()
  /** A message was sent that nobody would miss if it was lost. */
  #isLastUnseen = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#taken = options.revision
    this.#confirmed = options.revision
    this.#published = options.revision
  }

  get takenRevision(): number {
    return this.#taken
  }

  get sentRevision(): number {
    return this.#taken
  }

  get deliveredRevision(): number {
    return this.#confirmed
  }

  async send(step: DeliveryStep, signal: AbortSignal): Promise<void> {
    if (step.event.case === 'notifications' || step.event.case === 'folded') {
      const { gate } = this.#options
      if (!gate.isOpen) await gate.whenOpen(signal)
      this.#publish(step)
      this.#isLastUnseen = true
    }
    if (step.isLastPart) this.#taken = Math.max(this.#taken, step.revision)
  }

  confirm(revision: number): void {
    this.#confirmed = Math.max(this.#confirmed, revision)
  }

  recover(): boolean {
    this.#taken = this.#confirmed
    this.#published = Math.min(this.#published, this.#confirmed)
    this.#part = 0
    this.#progressAt = 0
    this.#isLastUnseen = true
    return true
  }

  tick(now: number): void {
    if (this.#part > 0 || !this.#options.gate.isOpen) return
    const isDue = this.#taken > this.#published || this.#isLastUnseen
    if (now - this.#progressAt < (isDue ? progressEveryMs : idleProgressEveryMs)) return
    this.#progressAt = now
    this.#isLastUnseen = false
    const progress = { $typeName: 'qcore.store.v1.WatchProgress' as const, revision: BigInt(this.#taken) }
    this.#publish({
      previousRevision: this.#published,
      revision: this.#taken,
      part: 0,
      isLastPart: true,
      event: { case: 'progress', value: progress },
    })
  }

  async settled(): Promise<void> {}

  close(): void {}

  #publish(step: DeliveryStep): void {
    const { origin, subject, format, gate } = this.#options
    const numbered = { ...step, previousRevision: this.#published, part: this.#part }
    const bodies = bodiesOf(deliveryOf(numbered, origin), { format, mostBytes: gate.mostBodyBytes })
    for (const message of bodies) gate.publish({ subject, body: message.body, headers: headersOf(message) })
    registrationMetrics.messages.inc(bodies.length)
    this.#part = step.isLastPart ? 0 : this.#part + bodies.length
    if (step.isLastPart) this.#published = Math.max(this.#published, step.revision)
  }
}
