import type { InstantSequence } from './instant-sequence.ts'

/** A span of time: [fromMs, beforeMs). */
export interface TimeSpan {
  fromMs: number
  beforeMs: number
}

/** The same spans in order, those that touch each other joined. */
export function joinedSpans(spans: readonly TimeSpan[]): TimeSpan[] {
  const joined: TimeSpan[] = []
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1)
    if (last !== undefined && span.fromMs <= last.beforeMs) last.beforeMs = Math.max(last.beforeMs, span.beforeMs)
    else joined.push({ ...span })
  }
  return joined
}

/** A sequence with further moments, and without those in some spans of time. */
export class AmendedSequence implements InstantSequence {
  private readonly inner: InstantSequence
  /** In order; none of them a moment of the sequence itself. */
  private readonly added: readonly number[]
  /** In order and apart. */
  private readonly excluded: readonly TimeSpan[]

  constructor(inner: InstantSequence, added: readonly number[], excluded: readonly TimeSpan[]) {
    this.inner = inner
    this.added = [...new Set(added)].sort((a, b) => a - b).filter((at) => inner.next(at) !== at)
    this.excluded = joinedSpans(excluded)
  }

  next(fromMs: number): number | undefined {
    for (let from = fromMs; ;) {
      const own = this.inner.next(from)
      const added = this.added.find((at) => at >= from)
      if (own === undefined && added === undefined) return undefined
      const at = Math.min(own ?? Infinity, added ?? Infinity)
      const span = this.spanWith(at)
      if (span === undefined) return at
      from = span.beforeMs
    }
  }

  previous(beforeMs: number): number | undefined {
    for (let before = beforeMs; ;) {
      const own = this.inner.previous(before)
      const added = this.added.findLast((at) => at < before)
      if (own === undefined && added === undefined) return undefined
      const at = Math.max(own ?? -Infinity, added ?? -Infinity)
      const span = this.spanWith(at)
      if (span === undefined) return at
      before = span.fromMs
    }
  }

  count(fromMs: number, beforeMs: number): number {
    if (fromMs >= beforeMs) return 0
    let total = this.countAll(fromMs, beforeMs)
    for (const span of this.excluded) {
      const from = Math.max(span.fromMs, fromMs)
      const before = Math.min(span.beforeMs, beforeMs)
      if (from < before) total -= this.countAll(from, before)
    }
    return total
  }

  private countAll(fromMs: number, beforeMs: number): number {
    return this.inner.count(fromMs, beforeMs) + this.added.filter((at) => at >= fromMs && at < beforeMs).length
  }

  private spanWith(atMs: number): TimeSpan | undefined {
    return this.excluded.find((span) => atMs >= span.fromMs && atMs < span.beforeMs)
  }
}
