import { QError } from '@qcore/errors'
import type { Caller } from '@qcore/replica'
import { untilAborted } from '@qcore/service'

/** Those who wait at most; more would only wait for their deadlines. */
const mostWaiting = 1_000

/** Lets a few do something at a time; the others wait, first come, first served. */
export class Turns {
  readonly #most: number
  #taken = 0
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#most = most
  }

  /**
   * Does work when it is its turn.
   *
   * @throws QError `deadline_exceeded` when the caller's signal fires before, `overloaded` if too many wait
   */
  async run<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) await this.#wait(caller)
    else this.#taken++
    try {
      return await work()
    } finally {
      this.#handOn()
    }
  }

  async #wait({ signal }: Caller): Promise<void> {
    if (this.#waiting.length >= mostWaiting) {
      throw new QError('overloaded', `${mostWaiting} readings of the past wait already`)
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    try {
      await untilAborted(promise, signal)
    } catch (error) {
      const place = this.#waiting.indexOf(resolve)
      if (place >= 0) this.#waiting.splice(place, 1)
      // It was given the turn in the same moment.
      else this.#handOn()
      throw error
    }
  }

  /** Gives the turn to the next who waits. */
  #handOn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken--
    else next()
  }
}
