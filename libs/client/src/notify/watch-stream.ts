import { create } from '@bufbuild/protobuf'
import { BackPressure, WatchRequestSchema, WatchService, type WatchRequest } from '@qcore/contracts'
import { QError, type ErrorCode } from '@qcore/errors'
import { backoffMs, canceled, pause } from '../calls/backoff.ts'
import { blamedPart, errorOfPart } from '../calls/blame.ts'
import type { Caller } from '../calls/caller.ts'
import { verdictOf } from '../calls/retry.ts'
import type { Session } from '../read/consistency.ts'
import { notificationFromMessage, type AnyNotification } from './notification.ts'
import type { Pace } from './pace.ts'
import type { ResumePoint, Subscriber } from './subscriber.ts'
import { lastRevisionOf, toldChanges, type ToldChange } from './told-change.ts'
import { Watchdog } from './watchdog.ts'

/**
 * Errors that a stream goes on after: the server gave up on a slow reader, who has caught up by now; a notifier failed,
 * and another may not.
 */
const mayPass: ReadonlySet<ErrorCode> = new Set(['too_slow', 'internal'])

/** A stream that brings nothing for so long has lost its connection: a notifier sends something every five seconds. */
const longestSilenceMs = 15_000
/** How long a notifier may take to evaluate the queries and paths of a stream that is live. */
const evaluationMs = 60_000

/** A notification, and whom it is for. */
interface Addressed {
  readonly notification: AnyNotification
  readonly subscribers: readonly Subscriber[]
}

/** A stream that several subscribers share, opened again after every break where it was left. */
export class WatchStream {
  readonly #caller: Caller
  readonly #session: Session
  readonly #pace: Pace
  readonly #controller = new AbortController()
  #subscribers: readonly Subscriber[]
  /** The last revision of which all was delivered; undefined until the stream is live. */
  #handled: number | undefined
  #logId: string
  /** Since when nothing was received, in attempts. */
  #failures = 0
  #isTokenNew = false
  #wasLive = false
  /** Where those were that have left: the stream goes on without them. */
  readonly #leftAt = new WeakMap<Subscriber, Required<ResumePoint>>()

  constructor(
    { caller, session }: { caller: Caller; session: Session },
    subscribers: readonly Subscriber[],
    { resumeAfter, pace }: { resumeAfter: ResumePoint | undefined; pace: Pace },
  ) {
    this.#caller = caller
    this.#session = session
    this.#pace = pace
    this.#subscribers = subscribers
    this.#handled = resumeAfter?.revision
    this.#logId = resumeAfter?.logId ?? ''
    for (const subscriber of subscribers) subscriber.onLeave(() => this.#release(subscriber))
  }

  /** The last revision of which all was delivered. */
  get revision(): number {
    return this.#handled ?? 0
  }

  /** Up to where everything was delivered to a subscriber. */
  positionOf(subscriber: Subscriber): Required<ResumePoint> {
    return this.#leftAt.get(subscriber) ?? { revision: this.revision, logId: this.#logId }
  }

  /** Follows the stream until nobody listens, or it cannot go on. Never rejects. */
  async run(): Promise<void> {
    const signal = this.#caller.signalOf(this.#controller.signal)
    const startBy = performance.now() + Math.max(...this.#subscribers.map((each) => this.#startMs(each)))
    for (;;) {
      this.#subscribers = this.#subscribers.filter(({ isOpen }) => isOpen)
      if (this.#subscribers.length === 0) return
      const error = await this.#follow(startBy, signal)
      if (signal.aborted) {
        for (const subscriber of this.#subscribers) subscriber.fail(canceled(signal))
        return
      }
      try {
        await this.#recover(error, startBy, signal)
      } catch (final) {
        for (const subscriber of this.#subscribers) subscriber.fail(final)
        return
      }
    }
  }

  #startMs({ options }: Subscriber): number {
    return options.timeoutMs ?? this.#caller.timeoutMs
  }

  /** Delivers what one stream brings; returns why it ended. */
  async #follow(startBy: number, signal: AbortSignal): Promise<unknown> {
    const held: ToldChange[] = []
    // Between two responses it may be silent for so long, on purpose.
    const silenceMs = longestSilenceMs + this.#pace.minIntervalMs
    using watchdog = new Watchdog()
    const attempt = AbortSignal.any([signal, watchdog.signal])
    const untilStart = Math.max(0, startBy - performance.now())
    watchdog.arm(this.#subscribers.some(({ isStarting }) => isStarting) ? Math.min(untilStart, silenceMs) : silenceMs)
    try {
      for await (const { event } of this.#caller.stream(WatchService.method.watch, this.#request(), attempt, {
        // What is not taken is folded where it comes from, not kept on the way.
        oneByOne: this.#pace.isLatest,
      })) {
        watchdog.rest()
        this.#failures = 0
        switch (event.case) {
          case 'live':
            this.#becomeLive(Number(event.value.revision), event.value.logId)
            break
          case 'notifications':
          case 'folded':
            held.push(...toldChanges(event))
            // A revision is handed on whole: after a break its first part would come again.
            if (!event.value.more) await this.#deliver(lastRevisionOf(event), held.splice(0))
            break
          case 'progress':
            this.#progress(Number(event.value.revision))
            break
          default:
        }
        watchdog.arm(event.case === 'live' ? evaluationMs : silenceMs)
      }
      return new QError('unavailable', 'the stream ended')
    } catch (error) {
      if (!watchdog.signal.aborted || signal.aborted) return error
      return new QError('unavailable', 'nothing has come for so long that the connection must be lost', {
        cause: error,
      })
    }
  }

  #request(): WatchRequest {
    const { isLatest, minIntervalMs } = this.#pace
    const request = create(WatchRequestSchema, { logId: this.#logId, minIntervalMs })
    if (isLatest) request.backPressure = BackPressure.LATEST
    request.subscriptions = this.#subscribers.map(({ message }) => message)
    if (this.#handled !== undefined) request.resumeAfter = BigInt(this.#handled)
    return request
  }

  #becomeLive(revision: number, logId: string): void {
    this.#wasLive = true
    this.#isTokenNew = false
    this.#logId = logId
    this.#handled ??= revision
    this.#session.observe(this.#handled)
    for (const subscriber of this.#subscribers) subscriber.becomeLive()
  }

  /** @param revision the last that the changes are of */
  async #deliver(revision: number, changes: readonly ToldChange[]): Promise<void> {
    // The results that queries begin with are of the revision that the stream begins after.
    const isResult = revision === this.#handled && this.#subscribers.some(({ awaitsResult }) => awaitsResult)
    if (this.#handled !== undefined && revision <= this.#handled && !isResult) return
    this.#session.observe(revision)
    for (const { notification, subscribers } of this.#converted(changes)) {
      for (const subscriber of subscribers) {
        if (!subscriber.isOpen) continue
        try {
          const taken = subscriber.callback(notification)
          if (taken !== undefined) await taken
        } catch (error) {
          subscriber.fail(error)
        }
      }
    }
    for (const subscriber of this.#subscribers) subscriber.hasResult()
    this.#handled = revision
    this.#tellProgress(revision)
  }

  /** All of a revision, before any is handed on: one that cannot be read ends those whom it is for, and the others go on. */
  #converted(changes: readonly ToldChange[]): Addressed[] {
    return changes.flatMap(({ message, origin }) => {
      const subscribers = message.subscriptions.flatMap((index) => this.#subscribers[index] ?? [])
      try {
        return { notification: notificationFromMessage(message, origin), subscribers }
      } catch (error) {
        for (const subscriber of subscribers) subscriber.fail(error)
        return []
      }
    })
  }

  #progress(revision: number): void {
    if (this.#handled !== undefined && revision <= this.#handled) return
    this.#handled = revision
    this.#tellProgress(revision)
  }

  #tellProgress(revision: number): void {
    for (const { isOpen, options } of this.#subscribers) if (isOpen) options.onProgress?.(revision)
  }

  /** Waits until the stream may be opened again, or throws what makes that pointless. */
  async #recover(error: unknown, startBy: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof QError)) throw error
    const blamed = blamedPart(error, 'subscriptions')
    const culprit = blamed === undefined ? undefined : this.#subscribers[blamed]
    if (culprit !== undefined) {
      culprit.fail(errorOfPart(error, 'subscriptions'))
      return
    }
    const verdict = verdictOf(error)
    if (verdict === 'token') {
      if (this.#isTokenNew || !this.#caller.renewToken()) throw error
      this.#isTokenNew = true
      return
    }
    if (verdict === 'final' && !(this.#wasLive && mayPass.has(error.code))) throw error
    this.#failures += 1
    const pauseMs = backoffMs(this.#failures)
    if (performance.now() + pauseMs >= startBy) {
      for (const subscriber of this.#subscribers) if (subscriber.isStarting) subscriber.fail(error)
    }
    if (this.#wasLive) for (const { options } of this.#subscribers) options.onInterruption?.(error)
    await pause(pauseMs, signal)
  }

  #release(subscriber: Subscriber): void {
    this.#leftAt.set(subscriber, this.positionOf(subscriber))
    if (this.#subscribers.every(({ isOpen }) => !isOpen)) this.#controller.abort()
  }
}
