import { AmendedSequence } from './amended-sequence.ts'
import { BoundedSequence, CountedSequence } from './bounded-sequence.ts'
import { endOfWallSeconds, firstWallSecond } from './calendar.ts'
import { ClockSequence, type ClockPolicy } from './clock-sequence.ts'
import { cronWalls } from './cron-walls.ts'
import type { IndexedSequence, InstantSequence } from './instant-sequence.ts'
import { IntervalSequence, singleMoment } from './interval-sequence.ts'
import type { ParsedForm } from './parse-form.ts'
import { recurrenceWalls } from './recurrence-walls.ts'
import type { MonthEndPolicy } from './rule.ts'
import { scheduleProblem } from './schedule-problem.ts'
import { daySpans, localMoments, spanOfTime, wallOfTime, type TimeValue } from './time-value.ts'
import { widestOffsetMs, type TimeZone } from './time-zone.ts'
import { singleWall } from './wall-sequence.ts'

/** Before every moment that a rule can have: the beginning of the year 1, anywhere. */
export const earliestMs = firstWallSecond * 1000 - widestOffsetMs
/** After every moment that a rule can have: the end of the year 9999, everywhere. */
export const latestMs = endOfWallSeconds * 1000 + widestOffsetMs

/** What every form of rule may have beside the form itself. */
export interface Bounds {
  zone: TimeZone
  start?: TimeValue
  end?: TimeValue
  count?: number
  excluded: readonly TimeValue[]
  included: readonly TimeValue[]
}

type Policy = ClockPolicy & { readonly monthEnd: MonthEndPolicy }

/** All moments of a rule. */
export function buildMoments(form: ParsedForm, bounds: Bounds, policy: Policy): InstantSequence {
  const { zone, start, end, count, excluded, included } = bounds
  const startMs = start === undefined ? earliestMs : firstPossibleMs(start, form, zone)
  const endMs = end === undefined ? latestMs : spanOfTime(end, zone).lastMs
  const bounded = new BoundedSequence(repeatingMoments(form, bounds, policy), startMs, Math.min(endMs + 1, latestMs))
  const counted = count === undefined ? bounded : new CountedSequence(bounded, startMs, count)
  if (excluded.length === 0 && included.length === 0) return counted
  const clocks = { gap: policy.gap, fold: policy.fold }
  return new AmendedSequence(
    counted,
    included.flatMap((time) => momentsOf(time, zone, clocks)),
    excluded.flatMap((time) => excludedSpans(time, zone)),
  )
}

function repeatingMoments(form: ParsedForm, { zone, start }: Bounds, policy: Policy): IndexedSequence {
  const { at, anchor, form: repeated } = form
  const lastForMissing = policy.monthEnd === 'last'
  switch (repeated.kind) {
    case 'interval': {
      const from = anchor ?? start
      return new IntervalSequence(from === undefined ? 0 : spanOfTime(from, zone).firstMs, repeated.everyMs)
    }
    case 'recurrence': {
      if (start === undefined) throw scheduleProblem('start', 'is missing: the rule says how to go on from it')
      return new ClockSequence(recurrenceWalls(repeated.parts, wallOfTime(start, zone), lastForMissing), zone, policy)
    }
    case 'cron': {
      const { days, times } = repeated.cron
      return new ClockSequence(cronWalls({ ...days, lastForMissing }, times), zone, policy)
    }
    case 'once': {
      if (at === undefined) throw new TypeError('a one-time rule without its time')
      if (at.kind === 'moment') return singleMoment(at.atMs)
      return new ClockSequence(singleWall(wallOfTime(at, zone)), zone, policy)
    }
    default:
      return repeated satisfies never
  }
}

/** No moment counts before this one. A local start of a recurrence is where its readings begin, whatever moment that is. */
function firstPossibleMs(start: TimeValue, { form }: ParsedForm, zone: TimeZone): number {
  if (form.kind === 'recurrence' && start.kind !== 'moment') return wallOfTime(start, zone) * 1000 - widestOffsetMs
  const { firstMs } = spanOfTime(start, zone)
  // Readings of recurrences are whole seconds.
  return form.kind === 'recurrence' ? Math.floor(firstMs / 1000) * 1000 : firstMs
}

function momentsOf(time: TimeValue, zone: TimeZone, policy: ClockPolicy): number[] {
  return time.kind === 'moment' ? [time.atMs] : localMoments(wallOfTime(time, zone), zone, policy)
}

/** What an exclusion takes out: a moment, both passes of a repeated local time, or a whole local day. */
function excludedSpans(time: TimeValue, zone: TimeZone): { fromMs: number; beforeMs: number }[] {
  if (time.kind === 'date') return daySpans(time.day, zone)
  return momentsOf(time, zone, { gap: 'shift', fold: 'both' }).map((atMs) => ({ fromMs: atMs, beforeMs: atMs + 1 }))
}
