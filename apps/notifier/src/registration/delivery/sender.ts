import type { DeliveryStep } from './delivery-step.ts'

/** Brings the steps of a registration to its subscribers. */
export interface Sender {
  /** Up to where it was given everything. */
  readonly takenRevision: number
  /** Up to where all is delivered, provided that NATS has what was sent before now. */
  readonly sentRevision: number
  /** Up to where all is delivered for certain. */
  readonly deliveredRevision: number
  /** Takes a step; resolves when it may be given the next. Rejects when the signal fires. */
  send(step: DeliveryStep, signal: AbortSignal): Promise<void>
  /** NATS has all that was sent before `sentRevision` was this. */
  confirm(revision: number): void
  /** The connection was lost: what was not confirmed has to be sent again. True: it has to be given again for that. */
  recover(): boolean
  /** Tells how far it is, when that is due. */
  tick(now: number): void
  /** Resolves when nothing that was sent waits for an answer. */
  settled(): Promise<void>
  close(): void
}
