import { setImmediate as nextRound } from 'node:timers/promises'
import { QError } from '@qcore/errors'

/** Something to do in a turn. */
export type Task = () => void | Promise<void>

export interface LaneOptions {
  /** How long a turn may take before it is reported as slow, in milliseconds. */
  readonly slowTurnMs: number
  /** Called before each turn. */
  readonly beforeTurn: () => void
  /** Called once for a slow turn: while it runs, or after it if it kept the process from telling. */
  readonly onSlow: (elapsedMs: number) => void
  readonly onFailure: (error: unknown) => void
  readonly onTurn: (elapsedMs: number) => void
}

/** More are a fault of who enqueues them. */
const mostWaiting = 10_000

/** The turns of a worker: one at a time, in the order in which they were enqueued. */
export class TurnLane {
  readonly #options: LaneOptions
  readonly #waiting: Task[] = []
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(options: LaneOptions) {
    this.#options = options
  }

  /** @throws QError `overloaded`, `canceled` */
  enqueue(task: Task): void {
    if (this.#isClosed) throw new QError('canceled', 'the application has stopped')
    if (this.#waiting.length >= mostWaiting) throw new QError('overloaded', `${mostWaiting} tasks of the worker wait`)
    this.#waiting.push(task)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing runs or waits. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Drops what waits, and takes nothing more. */
  close(): void {
    this.#isClosed = true
    this.#waiting.length = 0
  }

  async #run(): Promise<void> {
    for (;;) {
      // Between turns others have theirs, whatever a worker enqueues for itself.
      await nextRound()
      const task = this.#waiting.shift()
      if (task === undefined) break
      await this.#take(task)
    }
    this.#running = undefined
  }

  async #take(task: Task): Promise<void> {
    const { slowTurnMs, beforeTurn, onSlow, onFailure, onTurn } = this.#options
    const beganMs = performance.now()
    let isReported = false
    const report = (): void => {
      if (!isReported) onSlow(performance.now() - beganMs)
      isReported = true
    }
    const timer = setTimeout(report, slowTurnMs)
    try {
      beforeTurn()
      await task()
    } catch (error) {
      onFailure(error)
    } finally {
      clearTimeout(timer)
    }
    const elapsedMs = performance.now() - beganMs
    if (elapsedMs >= slowTurnMs) report()
    onTurn(elapsedMs)
  }
}
