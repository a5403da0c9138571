import { RegistrationService, type Delivery, type Registration as RegistrationMessage } from '@qcore/contracts'
import { isQError, QError, type ErrorCode } from '@qcore/errors'
import { backoffMs, canceled, pause } from '../calls/backoff.ts'
import { verdictOf } from '../calls/retry.ts'
import type { BusMessage, MessageBus } from '../connection/connection.ts'
import type { ResumePoint } from '../notify/subscriber.ts'
import { AckReplies } from './ack-replies.ts'
import { CallbackFailure } from './callback-failure.ts'
import { DeliveryInbox } from './delivery-inbox.ts'
import { RangeCursor } from './range-cursor.ts'
import type { FollowerContext, FollowerRequest } from './register-options.ts'
import { changesIn, type RegisteredChange } from './registered-change.ts'
import { registerRequest } from './registration-input.ts'
import { Lost, lossOf, throwIfEnded } from './registration-loss.ts'
import type { Renewed } from './renewer.ts'
import { workOn, type SharedWork } from './shared-work.ts'

/** Errors that a stream goes on after. */
const mayPass: ReadonlySet<ErrorCode> = new Set(['too_slow', 'internal'])

/** Keeps a registration alive and hands on what it selects: in order, once each, without a gap. */
export class RegistrationFollower {
  readonly #context: FollowerContext
  readonly #request: FollowerRequest
  readonly #signal: AbortSignal
  readonly #inbox = new DeliveryInbox()
  #registration: RegistrationMessage | undefined
  #cursor = new RangeCursor(0)
  #lost: QError | undefined
  #mustCheck = true
  #tokenWasRenewed = false

  constructor(context: FollowerContext, request: FollowerRequest, signal: AbortSignal) {
    this.#context = context
    this.#request = request
    this.#signal = signal
  }

  get registration(): RegistrationMessage {
    if (this.#registration === undefined) throw new Error('it is not registered yet')
    return this.#registration
  }

  get position(): Required<ResumePoint> {
    return { revision: this.#cursor.revision, logId: this.registration.logId }
  }

  /** Registers. */
  async register(): Promise<void> {
    const { options } = this.#request
    await this.#makeRegistration(options.resumeAfter, options.timeoutMs)
    this.#cursor = new RangeCursor(options.resumeAfter?.revision ?? Number(this.registration.deliveredRevision))
    this.#context.session.observe(this.#cursor.revision)
  }

  /** Follows the registration until its signal fires; rejects when it cannot go on. */
  async run(): Promise<void> {
    for (;;) {
      const lost = await this.#followOne().catch((error: unknown) => {
        if (error instanceof Lost) return error
        throw error instanceof CallbackFailure ? error.cause : error
      })
      this.#request.options.onInterruption?.(lost.error)
      await this.#registerAgain()
    }
  }

  async #makeRegistration(resumeAfter: ResumePoint | undefined, timeoutMs?: number): Promise<void> {
    const { caller } = this.#context
    const { input, key } = this.#request
    const request = registerRequest(input, key, resumeAfter)
    const options = timeoutMs === undefined ? { signal: this.#signal } : { signal: this.#signal, timeoutMs }
    const { registration } = await caller.call(RegistrationService.method.register, request, options)
    if (registration === undefined) throw new QError('internal', 'the answer has no registration')
    this.#registration = registration
  }

  async #registerAgain(): Promise<void> {
    const resumeAfter = await this.#resumePoint()
    for (let failures = 1; ; failures += 1) {
      try {
        await this.#makeRegistration(resumeAfter)
        return
      } catch (error) {
        if (!(error instanceof QError) || this.#signal.aborted || verdictOf(error) === 'final') throw error
        await pause(backoffMs(failures), this.#signal)
      }
    }
  }

  /** Where to go on. What the other instances of a shared one have taken only its row knows. */
  async #resumePoint(): Promise<ResumePoint> {
    if (!this.#isShared) return this.position
    const { token, logId, deliveredRevision } = this.registration
    try {
      const request = { token }
      const options = { signal: this.#signal }
      const answer = await this.#context.caller.call(RegistrationService.method.getRegistration, request, options)
      return { revision: Number(answer.registration?.deliveredRevision ?? deliveredRevision), logId }
    } catch (error) {
      if (isQError(error, 'unknown_registration')) return { revision: Number(deliveredRevision), logId }
      throw error
    }
  }

  get #isShared(): boolean {
    return this.#request.input.delivery === 'shared'
  }

  async #followOne(): Promise<never> {
    const { bus, renewer } = this.#context
    const { token, leaseMs } = this.registration
    const renewed: Renewed = { token, leaseMs, onRefused: (error) => this.#lose(error) }
    this.#lost = undefined
    renewer.add(renewed)
    try {
      if (bus !== undefined) return await this.#listen(bus)
      return await (this.#isShared ? this.#receiveWork() : this.#receive(Infinity, true))
    } finally {
      renewer.delete(renewed)
    }
  }

  #lose(error: QError): void {
    this.#lost = error
    this.#inbox.wake()
  }

  #throwIfLost(): void {
    if (this.#signal.aborted) throw canceled(this.#signal)
    if (this.#lost !== undefined) throw lossOf(this.#lost)
  }

  async #listen(bus: MessageBus): Promise<never> {
    const { subject, service } = this.registration
    const queue = this.#isShared ? service : undefined
    const wake = (): void => this.#inbox.wake()
    this.#inbox.clear()
    using _listening = await bus.listen(subject, { queue, onMessage: (message) => this.#push(message) })
    using _status = bus.onReconnect(() => {
      this.#mustCheck = true
      wake()
    })
    this.#mustCheck = true
    this.#signal.addEventListener('abort', wake)
    try {
      for (;;) {
        this.#throwIfLost()
        if (this.#mustCheck && !this.#isShared) await this.#check()
        const entry = this.#inbox.take()
        if (entry === undefined) await this.#inbox.arrived()
        else if (this.#isShared) await this.#work({ ...entry, respond: (reply) => entry.message.respond(reply) })
        else await this.#take(entry.delivery)
      }
    } finally {
      this.#signal.removeEventListener('abort', wake)
    }
  }

  #push(message: BusMessage): void {
    if (this.#inbox.push(message)) return
    this.#mustCheck = true
    this.#inbox.wake()
  }

  /** Messages may have been missed: gets those that were sent so far. */
  async #check(): Promise<void> {
    this.#mustCheck = false
    const { token } = this.registration
    const options = { signal: this.#signal }
    try {
      const answer = await this.#context.caller.call(RegistrationService.method.getRegistration, { token }, options)
      const delivered = Number(answer.registration?.deliveredRevision ?? 0n)
      if (delivered > this.#cursor.revision) await this.#receive(delivered)
    } catch (error) {
      if (error instanceof QError && verdictOf(error) !== 'final') this.#mustCheck = true
      else throw error instanceof QError ? lossOf(error) : error
      await pause(backoffMs(1), this.#signal)
    }
  }

  async #take(delivery: Delivery): Promise<void> {
    throwIfEnded(delivery)
    let judged = this.#cursor.judge(delivery)
    if (judged.kind === 'gap') {
      // Of a revision whose first part is missing, all parts are fetched.
      const isPartMissing = Number(delivery.previousRevision) <= this.#cursor.revision
      await this.#receive(Number(isPartMissing ? delivery.revision : delivery.previousRevision))
      judged = this.#cursor.judge(delivery)
    }
    if (judged.kind === 'complete') await this.#handOn(judged.parts)
  }

  async #handOn(parts: readonly Delivery[]): Promise<void> {
    const revision = Number(parts.at(-1)?.revision ?? 0n)
    this.#context.session.observe(revision)
    try {
      for (const change of parts.flatMap(changesIn)) await this.#tell(change)
      this.#cursor.advance(revision)
      this.#request.options.onProgress?.(revision)
    } catch (error) {
      throw new CallbackFailure(error)
    }
  }

  async #tell(change: RegisteredChange): Promise<void> {
    if (this.#signal.aborted) throw canceled(this.#signal)
    const told = this.#request.callback(change)
    if (told !== undefined) await told
  }

  /** One message of a shared registration. */
  async #work(work: SharedWork): Promise<void> {
    throwIfEnded(work.delivery)
    const { onInterruption } = this.#request.options
    const failure = await workOn(work, this.registration.ackTimeoutMs, (change) => this.#tell(change))
    if (failure === undefined) {
      this.#context.session.observe(Number(work.delivery.revision))
      this.#cursor.advance(Number(work.delivery.revision))
      return
    }
    if (this.#signal.aborted) throw canceled(this.#signal)
    onInterruption?.(new QError('internal', 'the callback failed', { cause: failure.error }))
  }

  /** Works as one of the instances without NATS. */
  async #receiveWork(): Promise<never> {
    for (let failures = 1; ; failures += 1) {
      const { error, hasWorked } = await this.#receiveWorkOnce()
      if (hasWorked) failures = 1
      await this.#recover(error, failures)
    }
  }

  /** Gives why the stream ended. */
  async #receiveWorkOnce(): Promise<{ error: unknown; hasWorked: boolean }> {
    const over = new AbortController()
    const signal = AbortSignal.any([this.#signal, over.signal])
    const { caller } = this.#context
    const { token } = this.registration
    const replies = new AckReplies(caller, token)
    const request = { token, asInstance: true }
    let hasWorked = false
    try {
      for await (const { delivery } of caller.stream(RegistrationService.method.receive, request, signal)) {
        if (delivery === undefined) continue
        hasWorked = true
        this.#tokenWasRenewed = false
        const respond = (reply: string): void => replies.send(delivery.ackId, reply)
        await this.#work({ delivery, respond, arrivedAt: performance.now() })
      }
      return { error: new QError('unavailable', 'the stream ended'), hasWorked }
    } catch (error) {
      return { error, hasWorked }
    } finally {
      over.abort()
    }
  }

  /** Hands on what the log has, until a revision is reached. */
  async #receive(until: number): Promise<void>
  async #receive(until: number, isForever: true): Promise<never>
  async #receive(until: number): Promise<void> {
    for (let failures = 1; this.#cursor.revision < until; failures += 1) {
      const reached = this.#cursor.revision
      const error = await this.#receiveOnce(until)
      if (error === undefined) return
      if (this.#cursor.revision > reached) failures = 1
      await this.#recover(error, failures)
    }
  }

  /** Gives why the stream ended; undefined: the revision was reached. */
  async #receiveOnce(until: number): Promise<unknown> {
    const over = new AbortController()
    const signal = AbortSignal.any([this.#signal, over.signal])
    const { caller } = this.#context
    const { token, logId } = this.registration
    const request = { token, logId, resumeAfter: BigInt(this.#cursor.revision) }
    const oneByOne = this.#request.input.backPressure === 'latest'
    try {
      for await (const { delivery } of caller.stream(RegistrationService.method.receive, request, signal, {
        oneByOne,
      })) {
        if (delivery === undefined) continue
        this.#tokenWasRenewed = false
        this.#throwIfLost()
        throwIfEnded(delivery)
        const judged = this.#cursor.judge(delivery)
        if (judged.kind === 'complete') await this.#handOn(judged.parts)
        if (this.#cursor.revision >= until) return undefined
      }
      return new QError('unavailable', 'the stream ended')
    } catch (error) {
      return error
    } finally {
      over.abort()
    }
  }

  async #recover(error: unknown, failures: number): Promise<void> {
    if (this.#signal.aborted) throw canceled(this.#signal)
    if (!(error instanceof QError)) throw error
    const verdict = verdictOf(error)
    if (verdict === 'token') {
      if (this.#tokenWasRenewed || !this.#context.caller.renewToken()) throw error
      this.#tokenWasRenewed = true
      return
    }
    if (verdict === 'final' && !mayPass.has(error.code)) throw lossOf(error)
    this.#request.options.onInterruption?.(error)
    await pause(backoffMs(failures), this.#signal)
    this.#throwIfLost()
  }
}
