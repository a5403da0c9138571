import type { IndexedSequence } from './instant-sequence.ts'

/** Moments at equal distances, before and after an anchor. Clock changes do not matter to them. */
export class IntervalSequence implements IndexedSequence {
  private readonly anchorMs: number
  private readonly everyMs: number

  constructor(anchorMs: number, everyMs: number) {
    this.anchorMs = anchorMs
    this.everyMs = everyMs
  }

  next(fromMs: number): number | undefined {
    return this.at(this.indexOf(fromMs))
  }

  previous(beforeMs: number): number | undefined {
    return this.at(this.indexOf(beforeMs) - 1)
  }

  count(fromMs: number, beforeMs: number): number {
    return Math.max(this.indexOf(beforeMs) - this.indexOf(fromMs), 0)
  }

  nth(fromMs: number, index: number, beforeMs: number): number | undefined {
    const at = this.at(this.indexOf(fromMs) + index)
    return at < beforeMs ? at : undefined
  }

  private at(index: number): number {
    return this.anchorMs + index * this.everyMs
  }

  /** The index of the first moment that is not before `fromMs`. */
  private indexOf(fromMs: number): number {
    return Math.ceil((fromMs - this.anchorMs) / this.everyMs)
  }
}

/** One moment. */
export function singleMoment(atMs: number): IndexedSequence {
  return {
    next: (fromMs) => (atMs >= fromMs ? atMs : undefined),
    previous: (beforeMs) => (atMs < beforeMs ? atMs : undefined),
    count: (fromMs, beforeMs) => (atMs >= fromMs && atMs < beforeMs ? 1 : 0),
    nth: (fromMs, index, beforeMs) => (index === 0 && atMs >= fromMs && atMs < beforeMs ? atMs : undefined),
  }
}
