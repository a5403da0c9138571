import { QError } from '@qcore/errors'

/** Counts the bytes that trackers keep, of all streams of a notifier together. */
export class StateBudget {
  readonly #most: number
  #used = 0

  constructor(mostBytes: number) {
    this.#most = mostBytes
  }

  get usedBytes(): number {
    return this.#used
  }

  /** Takes bytes, or gives them back if they are negative. */
  take(bytes: number): void {
    this.#used += bytes
  }

  /**
   * @param field what to name in an error
   * @throws QError `too_much_state`
   */
  assertKept(field: string): void {
    if (this.#used <= this.#most) return
    throw new QError('too_much_state', `queries and paths of this notifier keep more than ${this.#most} bytes`, {
      field,
    })
  }
}
