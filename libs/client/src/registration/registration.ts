import { RegistrationService } from '@qcore/contracts'
import { isQError, type QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import type { ResumePoint } from '../notify/subscriber.ts'
import type { RegistrationFollower } from './registration-follower.ts'

/** How long leaving a scope waits for the end of a registration. */
const disposeTimeoutMs = 2_000

/** A registration that is being followed. */
export class Registration implements AsyncDisposable {
  /**
   * Fulfilled when it was left, ended here, or ended by its signal or the closing of the client. Rejected when it cannot go on:
   * with a QError (`registration_ended`, `compacted`, `log_replaced`, `schema_changed`, …), or with what the callback threw.
   */
  readonly closed: Promise<void>
  readonly #follower: RegistrationFollower
  readonly #caller: Caller
  readonly #leaving: AbortController
  readonly #isOwn: boolean
  #cancellation: QError | undefined

  constructor(
    follower: RegistrationFollower,
    { caller, leaving, isOwn }: { caller: Caller; leaving: AbortController; isOwn: boolean },
  ) {
    this.#follower = follower
    this.#caller = caller
    this.#leaving = leaving
    this.#isOwn = isOwn
    this.closed = follower.run().catch((error: unknown) => {
      if (!isQError(error, 'canceled')) throw error
      if (!leaving.signal.aborted) this.#cancellation = error
    })
    // Who wants to know waits for it.
    this.closed.catch(() => undefined)
  }

  /** Names it; another one after it was lost and made anew. */
  get token(): string {
    return this.#follower.registration.token
  }

  /** The NATS subject of its messages. */
  get subject(): string {
    return this.#follower.registration.subject
  }

  /** Up to here everything was delivered; another program can go on from it with `resumeAfter`. Not of shared ones. */
  get position(): Required<ResumePoint> {
    return this.#follower.position
  }

  /** Set when its signal, or the closing of the client, ended it. */
  get cancellation(): QError | undefined {
    return this.#cancellation
  }

  /** Stops listening and renewing, and leaves the registration to others, or to the end of its lease. */
  async leave(): Promise<void> {
    this.#leaving.abort()
    await this.closed.catch(() => undefined)
  }

  /** Ends the registration for all. */
  async unregister(options: CallOptions = {}): Promise<void> {
    const { token } = this
    await this.leave()
    try {
      await this.#caller.call(RegistrationService.method.unregister, { token }, options)
    } catch (error) {
      if (!isQError(error, 'unknown_registration')) throw error
    }
  }

  /** Leaves it if it has a key, ends it otherwise; when the store cannot be reached the end of its lease does that. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOwn || this.#caller.closed.aborted) {
      await this.leave()
      return
    }
    try {
      await this.unregister({ timeoutMs: disposeTimeoutMs })
    } catch (error) {
      if (!isQError(error)) throw error
    }
  }
}
