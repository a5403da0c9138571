import type { AllowedDays } from './allowed-days.ts'
import { dayOf, daysPer400Years, greatestCommonDivisor, lastYear, modulo, secondsPerDay } from './calendar.ts'
import type { RecurrenceParts } from './recurrence-parts.ts'
import { selectedPositions } from './selected-positions.ts'
import { TimeOfDaySet } from './time-of-day-set.ts'
import { noPeriods, type Periods } from './wall-sequence.ts'

/**
 * The periods of a rule that repeats by the hour, minute or second. A period is a day. Its slots are the hours, minutes or
 * seconds whose distance from the start is a multiple of the interval; each has the same readings.
 */
export function slotPeriods(parts: RecurrenceParts, start: number, allowed: AllowedDays): Periods {
  const secondsPerSlot = slotSeconds(parts)
  const slotsPerDay = secondsPerDay / secondsPerSlot
  const startSlot = Math.floor(start / secondsPerSlot)
  const offsets = offsetsInSlot(parts)
  const allowsSlot = slotFilter(parts)
  /** How far the nearest multiple of the interval is from a slot on, and back. */
  const slotsFrom = (slot: number): number => modulo(startSlot - slot, parts.interval)
  const slotsBackFrom = (slot: number): number => modulo(slot - startSlot, parts.interval)
  /** Days whose first slot is as far from a multiple of the interval have the same slots; all lists together hold one day. */
  const byRemainder = new Map<number, Uint32Array>()
  const slotsOf = (day: number): Uint32Array => {
    const remainder = slotsFrom(day * slotsPerDay)
    if (remainder >= slotsPerDay) return noSlots
    const known = byRemainder.get(remainder)
    if (known !== undefined) return known
    const slots: number[] = []
    for (let slot = remainder; slot < slotsPerDay; slot += parts.interval) if (allowsSlot(slot)) slots.push(slot)
    const found = slots.length === 0 ? noSlots : Uint32Array.from(slots)
    byRemainder.set(remainder, found)
    return found
  }
  const isPossible = offsets.length > 0 && isAnySlot({ ...parts, slotsPerDay, startSlot }, allowsSlot)
  if (!isPossible) return noPeriods
  const repeatedDays = parts.interval / greatestCommonDivisor(parts.interval, slotsPerDay)
  const periods: Periods = {
    forward: (day) => allowed.next(day + Math.floor(slotsFrom(day * slotsPerDay) / slotsPerDay)),
    back: (day) => allowed.previous(day - Math.floor(slotsBackFrom((day + 1) * slotsPerDay - 1) / slotsPerDay)),
    first: Math.floor(start / secondsPerDay),
    last: dayOf(lastYear, 12, 31),
    cycle: repeatedDays * (daysPer400Years / greatestCommonDivisor(daysPer400Years, repeatedDays)),
    indexOf: (wall) => Math.floor(wall / secondsPerDay),
    size: (day) => {
      const { length } = slotsOf(day)
      return length > 0 && allowed.has(day) ? length * offsets.length : 0
    },
    at: (day, index) => {
      const slot = slotsOf(day)[Math.floor(index / offsets.length)] ?? Number.NaN
      return day * secondsPerDay + slot * secondsPerSlot + (offsets[index % offsets.length] ?? Number.NaN)
    },
  }
  if (slotsPerDay % parts.interval !== 0) return periods
  const perDay = slotsOf(periods.first).length * offsets.length
  return { ...periods, total: (day, before) => allowed.count(day, before) * perDay }
}

/** Whether any slot that the filter allows is ever a multiple of the interval from the start: what both share decides. */
function isAnySlot(
  { interval, slotsPerDay, startSlot }: { interval: number; slotsPerDay: number; startSlot: number },
  allowsSlot: (slot: number) => boolean,
): boolean {
  const step = greatestCommonDivisor(interval, slotsPerDay)
  for (let slot = modulo(startSlot, step); slot < slotsPerDay; slot += step) if (allowsSlot(slot)) return true
  return false
}

const noSlots = new Uint32Array(0)

function slotSeconds({ frequency }: RecurrenceParts): number {
  if (frequency === 'HOURLY') return 3600
  return frequency === 'MINUTELY' ? 60 : 1
}

/** The readings of a slot, as seconds from its beginning, after BYSETPOS. */
function offsetsInSlot(parts: RecurrenceParts): readonly number[] {
  const { frequency } = parts
  const times = new TimeOfDaySet(
    [0],
    frequency === 'HOURLY' ? parts.minutes : [0],
    frequency === 'SECONDLY' ? [0] : parts.seconds,
  )
  const all = Array.from({ length: times.size }, (_, index) => times.at(index))
  if (parts.positions.length === 0) return all
  return selectedPositions(parts.positions, all.length).map((index) => all[index] ?? Number.NaN)
}

/** Which slots of a day BYHOUR and, where they do not add readings, BYMINUTE and BYSECOND allow. */
function slotFilter(parts: RecurrenceParts): (slot: number) => boolean {
  const seconds = slotSeconds(parts)
  const hours = new Set(parts.hours)
  const minutes = new Set(seconds < 3600 ? parts.minutes : [])
  const secondsOfMinute = new Set(seconds < 60 ? parts.seconds : [])
  const allows = (set: ReadonlySet<number>, value: number): boolean => set.size === 0 || set.has(value)
  return (slot) => {
    const second = slot * seconds
    return (
      allows(hours, Math.floor(second / 3600)) &&
      allows(minutes, Math.floor((second % 3600) / 60)) &&
      allows(secondsOfMinute, second % 60)
    )
  }
}
