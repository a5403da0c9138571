import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { CommitRequestSchema } from '@qcore/contracts'
import { loadDueEvents, readNextDue, type Executor } from '@qcore/database'
import type { DelayedEventFacts } from '@qcore/model'
import { counter, untilAborted, type Logger } from '@qcore/service'
import type { CommitQueue } from '../commit/commit-queue.ts'
import { platform } from '../commit/first-commit.ts'

/** Events that one commit releases at most, and bytes that they take, about: it is a commit like others. */
const mostEvents = 500
const mostBytes = 1_048_576
/** Whatever is awaited, the table is looked at after this time: a clock may have been set. */
const mostSleepMs = 30_000
const retryMs = 250

export interface EventReleaserOptions {
  readonly executor: Executor
  readonly queue: CommitQueue
  readonly logger: Logger
}

/**
 * Releases the events that are held when they are due, by commits of the platform, one after the other, while this writer
 * leads. What is held is in PostgreSQL alone; in memory is when the next one is due.
 */
export class EventReleaser implements AsyncDisposable {
  readonly #options: EventReleaserOptions
  readonly #released = counter('qcore_writer_events_released_total', 'Events that were held, and emitted when due.')
  #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #nextDueUs = Infinity
  #wake = new AbortController()

  constructor(options: EventReleaserOptions) {
    this.#options = options
    this.#stop.abort()
  }

  /** Begins: this writer leads. */
  start(nowUs: () => number): void {
    this.#stop = new AbortController()
    this.#running = this.#run(nowUs, this.#stop.signal)
  }

  /** Ends. A commit that waits for its turn is not made any more. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake.abort()
    await this.#running
  }

  /** Takes note of events that PostgreSQL holds from now on. */
  expect(events: readonly DelayedEventFacts[]): void {
    let nextDueUs = Infinity
    for (const { dueUs } of events) nextDueUs = Math.min(nextDueUs, dueUs)
    if (nextDueUs >= this.#nextDueUs) return
    this.#nextDueUs = nextDueUs
    this.#wake.abort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #run(nowUs: () => number, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options
    while (!signal.aborted) {
      try {
        await this.#sleep(await this.#releaseDue(nowUs, signal), signal)
      } catch (error) {
        if (signal.aborted) return
        logger.warn({ err: error }, 'cannot release events that are due yet')
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Releases what is due. Returns for how long nothing will be, in milliseconds. */
  async #releaseDue(nowUs: () => number, signal: AbortSignal): Promise<number> {
    const { executor } = this.#options
    this.#wake = new AbortController()
    // What is committed from here on calls `expect`; what was before is seen.
    this.#nextDueUs = Infinity
    const dueUs = await untilAborted(readNextDue(executor), signal)
    if (dueUs === undefined) return mostSleepMs
    this.#nextDueUs = Math.min(this.#nextDueUs, dueUs)
    const waitUs = dueUs - nowUs()
    if (waitUs > 0) return Math.ceil(waitUs / 1_000)
    const due = await untilAborted(loadDueEvents(executor, { nowUs: nowUs(), limit: mostEvents, mostBytes }), signal)
    await this.#commit(due, signal)
    return 0
  }

  async #commit(release: readonly DelayedEventFacts[], signal: AbortSignal): Promise<void> {
    const sizeBytes = release.reduce((sum, { payload }) => sum + payload.length, 0)
    const committed = new Promise<void>((resolve, reject) => {
      const settle = (outcome: unknown): void => (outcome instanceof Error ? reject(outcome) : resolve())
      const request = create(CommitRequestSchema)
      this.#options.queue.push([{ request, caller: platform, signal, sizeBytes, settle, release }])
    })
    await untilAborted(committed, signal)
    this.#released.inc(release.length)
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { signal: woken } = this.#wake
    if (ms <= 0 || woken.aborted || signal.aborted) return
    await delay(Math.min(ms, mostSleepMs), undefined, { signal: woken }).catch(() => undefined)
  }
}
