import { QError } from '@qcore/errors'
import { streamsOpen } from '../metrics.ts'

export type CallKind = 'call' | 'stream'

/** Counts what is running, so that it can be limited and waited for. */
export class OpenCalls {
  readonly #limits: Readonly<Record<CallKind, number>>
  readonly #running = { call: 0, stream: 0 }
  #idle: PromiseWithResolvers<void> | undefined

  /** The most calls and streams at a time; 0 for no limit. */
  constructor(limits: Readonly<Record<CallKind, number>>) {
    this.#limits = limits
  }

  /** Counts one in. Whoever calls it calls `leave` once. */
  enter(kind: CallKind): void {
    this.#running[kind] += 1
    if (kind === 'stream') streamsOpen.inc()
  }

  leave(kind: CallKind): void {
    this.#running[kind] -= 1
    if (kind === 'stream') streamsOpen.dec()
    if (this.#running.call + this.#running.stream === 0) this.#idle?.resolve()
  }

  /**
   * Refuses the one that was counted last, if it is one too many.
   *
   * @throws QError `overloaded`
   */
  assertRoom(kind: CallKind): void {
    const limit = this.#limits[kind]
    if (limit === 0 || this.#running[kind] <= limit) return
    throw new QError('overloaded', `${limit} ${kind}s are running at this gateway; retry after a moment`)
  }

  /** Resolves to true when nothing runs any more, or to false after `timeoutMs`. */
  async waitUntilIdle(timeoutMs: number): Promise<boolean> {
    if (this.#running.call + this.#running.stream === 0) return true
    this.#idle = Promise.withResolvers()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, timeoutMs, false)
    void this.#idle.promise.then(() => resolve(true))
    return promise.finally(() => clearTimeout(timer))
  }
}
