import type { IndexedSequence, InstantSequence } from './instant-sequence.ts'

/** The moments of a sequence in [fromMs, beforeMs). */
export class BoundedSequence implements IndexedSequence {
  private readonly inner: IndexedSequence
  private readonly fromMs: number
  private readonly beforeMs: number

  constructor(inner: IndexedSequence, fromMs: number, beforeMs: number) {
    this.inner = inner
    this.fromMs = fromMs
    this.beforeMs = beforeMs
  }

  next(fromMs: number): number | undefined {
    if (fromMs >= this.beforeMs) return undefined
    const at = this.inner.next(Math.max(fromMs, this.fromMs))
    return at !== undefined && at < this.beforeMs ? at : undefined
  }

  previous(beforeMs: number): number | undefined {
    if (beforeMs <= this.fromMs) return undefined
    const at = this.inner.previous(Math.min(beforeMs, this.beforeMs))
    return at !== undefined && at >= this.fromMs ? at : undefined
  }

  count(fromMs: number, beforeMs: number): number {
    return this.inner.count(Math.max(fromMs, this.fromMs), Math.min(beforeMs, this.beforeMs))
  }

  nth(fromMs: number, index: number, beforeMs: number): number | undefined {
    return this.inner.nth(Math.max(fromMs, this.fromMs), index, Math.min(beforeMs, this.beforeMs))
  }
}

/** The first moments of a sequence, so many of them. */
export class CountedSequence implements InstantSequence {
  private readonly inner: IndexedSequence
  /** What is still to be counted from here on. */
  private countedToMs: number
  private remaining: number
  private lastMs: number | undefined

  /** No moment of the sequence is before `startMs`. */
  constructor(inner: IndexedSequence, startMs: number, count: number) {
    this.inner = inner
    this.countedToMs = startMs
    this.remaining = count
  }

  next(fromMs: number): number | undefined {
    const at = this.inner.next(fromMs)
    return at === undefined || at > this.lastWithin(at + 1) ? undefined : at
  }

  previous(beforeMs: number): number | undefined {
    const at = this.inner.previous(beforeMs)
    return at === undefined ? undefined : Math.min(at, this.lastWithin(at + 1))
  }

  count(fromMs: number, beforeMs: number): number {
    return this.inner.count(fromMs, Math.min(beforeMs, this.lastWithin(beforeMs) + 1))
  }

  /** The last moment of all if it is before `beforeMs`, else Infinity. What was counted once is not counted again. */
  private lastWithin(beforeMs: number): number {
    if (this.lastMs !== undefined) return this.lastMs
    if (beforeMs <= this.countedToMs) return Infinity
    const size = this.inner.count(this.countedToMs, beforeMs)
    if (size < this.remaining) {
      this.remaining -= size
      this.countedToMs = beforeMs
      return Infinity
    }
    this.lastMs = this.inner.nth(this.countedToMs, this.remaining - 1, beforeMs)
    return this.lastMs ?? Infinity
  }
}
