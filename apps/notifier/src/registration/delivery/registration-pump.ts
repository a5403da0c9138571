import { setTimeout as delay } from 'node:timers/promises'
import { BackPressure } from '@qcore/contracts'
import { isQError, QError, type ErrorCode } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import type { LiveStreams } from '../../live/live-streams.ts'
import type { ReplaySources } from '../../replay/replay.ts'
import { followStream } from '../../stream/follow-stream.ts'
import type { StreamEnd } from '../../stream/stream-end.ts'
import type { QueueBudget } from '../../stream/queue-budget.ts'
import { WatchStream } from '../../stream/watch-stream.ts'
import { registrationMetrics } from '../metrics.ts'
import { grantsOfRow, requestOf } from '../registration.ts'
import type { RegistrationRow } from '../sql/registration-row.ts'
import { losslessSteps, type DeliveryStep } from './delivery-step.ts'
import { latestSteps } from './latest-steps.ts'
import type { Sender } from './sender.ts'

/** What may wait in memory for one registration. What is more is read from the log when its turn comes. */
const queueLimits = { bytes: 1_048_576, revisions: 2_000 }
/** The pause after a failure; it doubles up to the longest. */
const firstPauseMs = 50
const longestPauseMs = 1_000
/** The pause after there was no memory for what follows a query: to try costs much. */
const statePauseMs = 10_000

export interface PumpSources extends ReplaySources {
  readonly live: LiveStreams
  readonly feed: ReplaySources['feed'] & { catchUp(): Promise<void> }
  readonly logger: Logger
  readonly budget: QueueBudget
}

/** Why a registration cannot go on. */
export interface PumpEnd {
  readonly code: ErrorCode
  readonly message: string
}

/** What passes; every other error would come again. */
const passingCodes: ReadonlySet<ErrorCode> = new Set([
  'too_slow',
  'too_much_state',
  'unavailable',
  'canceled',
  'deadline_exceeded',
  'future_revision',
  'internal',
])
const stopped: StreamEnd = { code: 'canceled', message: 'the registration is not delivered here any more' }

/** Delivers one registration, from where it was left, until it is stopped. It never gives up for what passes. */
export class RegistrationPump {
  readonly row: RegistrationRow
  readonly epoch: number
  readonly sender: Sender
  readonly #isLatest: boolean
  readonly #minIntervalMs: number
  readonly #sources: PumpSources
  readonly #stopping = new AbortController()
  readonly #onEnd: (end: PumpEnd) => void
  readonly #done: Promise<void>
  #stream: WatchStream | undefined
  #attempt = new AbortController()
  #failures = 0

  constructor(
    place: { row: RegistrationRow; epoch: number },
    sender: Sender,
    sources: PumpSources,
    onEnd: (end: PumpEnd) => void,
  ) {
    this.row = place.row
    this.epoch = place.epoch
    this.sender = sender
    // The rest is decoded when it is needed: ten thousand subscriptions take megabytes.
    const { backPressure, minIntervalMs } = requestOf(place.row)
    this.#isLatest = backPressure === BackPressure.LATEST
    this.#minIntervalMs = minIntervalMs
    this.#sources = sources
    this.#onEnd = onEnd
    this.#done = this.#run()
  }

  /** Stops: nothing new is sent from now on. Resolves when it has let go of everything. The sender stays open. */
  stop(): Promise<void> {
    this.#stopping.abort()
    this.#interrupt()
    return this.#done
  }

  /** The connection to NATS was lost. */
  recover(): void {
    if (this.sender.recover()) this.#interrupt()
  }

  #interrupt(): void {
    this.#attempt.abort()
    this.#stream?.end(stopped)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#attempt = new AbortController()
      const error = await this.#deliver(this.#attempt.signal)
      if (signal.aborted) return
      if (this.#attempt.signal.aborted) continue
      if (isFinal(error)) {
        this.#onEnd({ code: error.code, message: error.message })
        return
      }
      await this.#pause(error)
    }
  }

  /** Sends until something ends it; gives that. */
  async #deliver(signal: AbortSignal): Promise<unknown> {
    const { live, budget } = this.#sources
    const limits = { ...queueLimits, budget }
    const stream = new WatchStream(requestOf(this.row).subscriptions, limits, grantsOfRow(this.row))
    stream.entityTypes = new Map(Object.entries(this.row.entityTypes))
    this.#stream = stream
    live.open(stream)
    try {
      await this.#assertHistory()
      signal.throwIfAborted()
      for await (const step of this.#steps(stream)) {
        // It may have been stopped while the step was on its way here.
        signal.throwIfAborted()
        await this.sender.send(step, signal)
        if (step.event.case === 'live') continue
        this.#failures = 0
        if (step.isLastPart && step.event.case !== 'progress') await this.#restFor(signal)
      }
      return new Error('the stream ended')
    } catch (error) {
      return error
    } finally {
      live.close(stream)
    }
  }

  #steps(stream: WatchStream): AsyncGenerator<DeliveryStep> {
    const responses = followStream(stream, this.sender.takenRevision, this.#sources)
    if (!this.#isLatest) return losslessSteps(responses)
    return latestSteps(responses, () => stream.end(stopped))
  }

  /** The store may be another one than it was, and this notifier may not have heard of that, or may have. */
  async #assertHistory(): Promise<void> {
    const { feed } = this.#sources
    const { logId } = this.row
    if (feed.logId !== logId) await feed.catchUp()
    if (feed.logId !== logId) {
      throw new QError('log_replaced', `the history ${logId} was replaced by ${feed.logId}`, { field: 'log_id' })
    }
  }

  async #restFor(signal: AbortSignal): Promise<void> {
    if (this.#isLatest && this.#minIntervalMs > 0) await delay(this.#minIntervalMs, undefined, { signal })
  }

  async #pause(cause: unknown): Promise<void> {
    // What did not fit into memory is in the log.
    if (isQError(cause, 'too_slow')) {
      registrationMetrics.restarted.inc()
      return
    }
    const { token } = this.row
    if (this.#failures === 0) this.#sources.logger.warn({ err: cause, token }, 'a registration is interrupted')
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 10))
    this.#failures += 1
    await rest(isQError(cause, 'too_much_state') ? statePauseMs : pauseMs, this.#stopping.signal)
  }
}

/** Waits, until the signal fires at the longest. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}

function isFinal(error: unknown): error is QError {
  return error instanceof QError && !passingCodes.has(error.code)
}
