import { dayOf, endOfWallSeconds, firstWallSecond, lastYear, secondsPerDay } from './calendar.ts'
import { ClockSequence, type ClockPolicy } from './clock-sequence.ts'
import type { TimeSpan } from './amended-sequence.ts'
import { scheduleProblem, shown, type TextPlace } from './schedule-problem.ts'
import { widestOffsetMs, type TimeZone } from './time-zone.ts'
import { singleWall } from './wall-sequence.ts'

/** A time as people write it: a moment, a clock reading in the zone of the rule, or a whole day there. */
export type TimeValue =
  { kind: 'moment'; atMs: number } | { kind: 'local'; wall: number } | { kind: 'date'; day: number }

const isoPattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/
const basicPattern = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/

/** Reads `2026-03-29T01:30:00Z`, the same with an offset or without any (local), or `2026-03-29`. */
export function parseTime(value: unknown, field: string): TimeValue {
  if (typeof value !== 'string' || !isoPattern.test(value)) {
    throw scheduleProblem(
      field,
      `${shown(value)} is no time such as 2026-03-29T01:30:00Z, 2026-03-29T01:30:00 or 2026-03-29`,
    )
  }
  return readIso(value, value, field)
}

/** Reads `20260329T013000Z`, `20260329T013000` (local) or `20260329`, as RFC 5545 writes them. */
export function parseBasicTime(text: string, field: string, place: TextPlace): TimeValue {
  const match = basicPattern.exec(text)
  if (match === null) {
    throw scheduleProblem(field, `${shown(text)} is no time such as 20260329T013000Z or 20260329`, place)
  }
  const [, year, month, day, hour, minute, second, utc] = match
  const date = `${year}-${month}-${day}`
  return readIso(hour === undefined ? date : `${date}T${hour}:${minute}:${second}${utc ?? ''}`, text, field, place)
}

function readIso(iso: string, given: string, field: string, place?: TextPlace): TimeValue {
  let value: TimeValue
  try {
    value = isoValue(iso)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw scheduleProblem(field, `${shown(given)} is no date of the calendar, or no time of a day`, place)
  }
  const wall = roughWall(value)
  if (wall >= firstWallSecond && wall < endOfWallSeconds) return value
  throw scheduleProblem(field, `${shown(given)} is not in the years 1 to ${lastYear}`, place)
}

function isoValue(iso: string): TimeValue {
  if (!iso.includes('T')) {
    const { year, month, day } = Temporal.PlainDate.from(iso)
    return { kind: 'date', day: dayOf(year, month, day) }
  }
  const hasOffset = /(Z|[+-]\d{2}:\d{2})$/.test(iso)
  if (hasOffset) return { kind: 'moment', atMs: Temporal.Instant.from(iso).epochMilliseconds }
  return { kind: 'local', wall: wallOf(Temporal.PlainDateTime.from(iso)) }
}

function roughWall(value: TimeValue): number {
  if (value.kind === 'moment') return value.atMs / 1000
  return value.kind === 'local' ? value.wall : value.day * secondsPerDay
}

function wallOf(local: Temporal.PlainDateTime): number {
  return (
    dayOf(local.year, local.month, local.day) * secondsPerDay + local.hour * 3600 + local.minute * 60 + local.second
  )
}

/** The same time as a text that `parseTime` reads. */
export function timeText(value: TimeValue): string {
  if (value.kind === 'moment') return new Date(value.atMs).toISOString().replace('.000Z', 'Z')
  if (value.kind === 'local') return new Date(value.wall * 1000).toISOString().slice(0, 19)
  return new Date(value.day * secondsPerDay * 1000).toISOString().slice(0, 10)
}

/** The clock reading of a time in a zone, in whole seconds; a day begins at midnight. */
export function wallOfTime(value: TimeValue, zone: TimeZone): number {
  if (value.kind === 'local') return value.wall
  if (value.kind === 'date') return value.day * secondsPerDay
  return Math.floor((value.atMs + zone.segmentAt(value.atMs).offsetMs) / 1000)
}

/** The first and the last millisecond that a time means in a zone: a repeated local time means both, a day all of it. */
export function spanOfTime(value: TimeValue, zone: TimeZone): { firstMs: number; lastMs: number } {
  if (value.kind === 'moment') return { firstMs: value.atMs, lastMs: value.atMs }
  if (value.kind === 'date') {
    const spans = daySpans(value.day, zone)
    const [first, last] = [spans[0], spans.at(-1)]
    if (first !== undefined && last !== undefined) return { firstMs: first.fromMs, lastMs: last.beforeMs - 1 }
    // A zone that moved across the date line has no such day: it is the moment at which the next one began.
    const [atMs = 0] = localMoments(value.day * secondsPerDay, zone, everyReading)
    return { firstMs: atMs, lastMs: atMs - 1 }
  }
  const moments = localMoments(value.wall, zone, everyReading)
  return { firstMs: moments[0] ?? 0, lastMs: moments.at(-1) ?? 0 }
}

const everyReading: ClockPolicy = { gap: 'shift', fold: 'both' }

/** The moments at which the clocks of a zone show a reading: none, one, or two. */
export function localMoments(wall: number, zone: TimeZone, policy: ClockPolicy): number[] {
  const readings = new ClockSequence(singleWall(wall), zone, policy)
  const moments: number[] = []
  for (let from = wall * 1000 - widestOffsetMs; ;) {
    const at = readings.next(from)
    if (at === undefined) return moments
    moments.push(at)
    from = at + 1
  }
}

/** When it is a day in a zone: one span of time, or two if the clocks went back over its midnight. */
export function daySpans(day: number, zone: TimeZone): TimeSpan[] {
  const beginsMs = day * secondsPerDay * 1000
  const endsMs = beginsMs + secondsPerDay * 1000
  const spans: TimeSpan[] = []
  for (let from = beginsMs - widestOffsetMs; from < endsMs + widestOffsetMs;) {
    const segment = zone.segmentAt(from)
    const fromMs = Math.max(beginsMs - segment.offsetMs, segment.fromMs)
    const beforeMs = Math.min(endsMs - segment.offsetMs, segment.toMs)
    if (fromMs < beforeMs) spans.push({ fromMs, beforeMs })
    from = segment.toMs
  }
  return spans
}
