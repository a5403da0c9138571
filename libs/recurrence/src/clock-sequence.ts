import type { IndexedSequence } from './instant-sequence.ts'
import { widestOffsetMs, type TimeZone, type ZoneSegment } from './time-zone.ts'
import type { WallSequence } from './wall-sequence.ts'

/** What becomes of a local time that a clock change leaves out: it comes as much later as the clock was put on, or not at all. */
export type GapPolicy = 'shift' | 'skip'
/** Which of a local time that a clock change repeats counts. */
export type FoldPolicy = 'first' | 'second' | 'both'

export interface ClockPolicy {
  gap: GapPolicy
  fold: FoldPolicy
}

/** A span of time in which moments are read from clocks with fixed offsets: one, or after a gap also the one before it. */
interface Piece {
  fromMs: number
  toMs: number
  offsetsMs: readonly number[]
}

/** The moments at which the clocks of a zone show the readings of a rule, by a policy for clock changes. */
export class ClockSequence implements IndexedSequence {
  private readonly walls: WallSequence
  private readonly zone: TimeZone
  private readonly policy: ClockPolicy

  constructor(walls: WallSequence, zone: TimeZone, policy: ClockPolicy) {
    this.walls = walls
    this.zone = zone
    this.policy = policy
  }

  next(fromMs: number): number | undefined {
    for (let from = fromMs; ;) {
      const segment = this.zone.segmentAt(from)
      for (const piece of piecesOf(segment, this.policy)) {
        const found = this.nextIn(piece, from)
        if (found !== undefined) return found
      }
      if (segment.toMs === Infinity) return undefined
      // Readings before this one are over in every later segment, whatever its offset.
      const wall = this.walls.next(Math.ceil((segment.toMs - widestOffsetMs) / 1000))
      if (wall === undefined) return undefined
      from = Math.max(segment.toMs, wall * 1000 - widestOffsetMs)
    }
  }

  previous(beforeMs: number): number | undefined {
    for (let before = beforeMs; ;) {
      const segment = this.zone.segmentAt(before - 1)
      for (const piece of piecesOf(segment, this.policy).reverse()) {
        const found = this.previousIn(piece, before)
        if (found !== undefined) return found
      }
      if (segment.fromMs === -Infinity) return undefined
      const wall = this.walls.previous(Math.floor((segment.fromMs + widestOffsetMs) / 1000) + 1)
      if (wall === undefined) return undefined
      before = Math.min(segment.fromMs, wall * 1000 + widestOffsetMs + 1)
    }
  }

  count(fromMs: number, beforeMs: number): number {
    let total = 0
    for (const piece of this.piecesIn(fromMs, beforeMs)) total += this.countIn(piece)
    return total
  }

  nth(fromMs: number, index: number, beforeMs: number): number | undefined {
    let remaining = index
    for (const piece of this.piecesIn(fromMs, beforeMs)) {
      const size = this.countIn(piece)
      if (remaining < size) return this.nthIn(piece, remaining)
      remaining -= size
    }
    return undefined
  }

  /** The pieces of a span, cut at its ends. */
  private *piecesIn(fromMs: number, beforeMs: number): Generator<Piece> {
    for (let from = fromMs; from < beforeMs;) {
      const segment = this.zone.segmentAt(from)
      for (const piece of piecesOf(segment, this.policy)) {
        const cut = { ...piece, fromMs: Math.max(piece.fromMs, from), toMs: Math.min(piece.toMs, beforeMs) }
        if (cut.fromMs < cut.toMs) yield cut
      }
      from = segment.toMs
    }
  }

  private nextIn(piece: Piece, fromMs: number): number | undefined {
    const from = Math.max(piece.fromMs, fromMs)
    if (from >= piece.toMs) return undefined
    let earliest: number | undefined
    for (const offset of piece.offsetsMs) {
      const wall = this.walls.next(Math.ceil((from + offset) / 1000))
      if (wall === undefined) continue
      const at = wall * 1000 - offset
      if (at < piece.toMs && (earliest === undefined || at < earliest)) earliest = at
    }
    return earliest
  }

  private previousIn(piece: Piece, beforeMs: number): number | undefined {
    const before = Math.min(piece.toMs, beforeMs)
    if (before <= piece.fromMs) return undefined
    let latest: number | undefined
    for (const offset of piece.offsetsMs) {
      const wall = this.walls.previous(Math.ceil((before + offset) / 1000))
      if (wall === undefined) continue
      const at = wall * 1000 - offset
      if (at >= piece.fromMs && (latest === undefined || at > latest)) latest = at
    }
    return latest
  }

  private countIn(piece: Piece): number {
    const [offset, another] = piece.offsetsMs
    if (offset !== undefined && another === undefined) {
      return this.walls.count(Math.ceil((piece.fromMs + offset) / 1000), Math.ceil((piece.toMs + offset) / 1000))
    }
    // Two clocks may show readings at one moment, which is one moment. A piece of two is as short as the gap before it.
    let total = 0
    for (let at = this.nextIn(piece, piece.fromMs); at !== undefined; at = this.nextIn(piece, at + 1)) total++
    return total
  }

  private nthIn(piece: Piece, index: number): number | undefined {
    const [offset, another] = piece.offsetsMs
    if (offset !== undefined && another === undefined) {
      const wall = this.walls.nth(Math.ceil((piece.fromMs + offset) / 1000), index)
      return wall === undefined ? undefined : wall * 1000 - offset
    }
    let at = this.nextIn(piece, piece.fromMs)
    for (let skipped = 0; skipped < index && at !== undefined; skipped++) at = this.nextIn(piece, at + 1)
    return at
  }
}

function piecesOf(segment: ZoneSegment, policy: ClockPolicy): Piece[] {
  const { offsetMs, offsetBeforeMs, offsetAfterMs } = segment
  const offsetsMs = [offsetMs]
  let { fromMs, toMs } = segment
  const pieces: Piece[] = []
  if (offsetMs > offsetBeforeMs && policy.gap === 'shift') {
    const gapEndMs = Math.min(fromMs + offsetMs - offsetBeforeMs, toMs)
    pieces.push({ fromMs, toMs: gapEndMs, offsetsMs: [offsetMs, offsetBeforeMs] })
    fromMs = gapEndMs
  }
  if (offsetMs < offsetBeforeMs && policy.fold === 'first') fromMs += offsetBeforeMs - offsetMs
  if (offsetAfterMs < offsetMs && policy.fold === 'second') toMs -= offsetMs - offsetAfterMs
  if (fromMs < toMs) pieces.push({ fromMs, toMs, offsetsMs })
  return pieces
}
