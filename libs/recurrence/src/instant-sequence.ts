/** Moments in order, as milliseconds since 1970-01-01T00:00:00Z. */
export interface InstantSequence {
  /** The first moment that is not before `fromMs`. */
  next(fromMs: number): number | undefined
  /** The last moment before `beforeMs`. */
  previous(beforeMs: number): number | undefined
  /** How many moments there are in [fromMs, beforeMs). */
  count(fromMs: number, beforeMs: number): number
}

/** A sequence that can be counted through, for rules with a number of occurrences. */
export interface IndexedSequence extends InstantSequence {
  /** The moment with this index, from 0, among those in [fromMs, beforeMs). */
  nth(fromMs: number, index: number, beforeMs: number): number | undefined
}
