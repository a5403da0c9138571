import {
  nameOfTime,
  timesOf,
  type OccurrenceRecord,
  type ScheduleExpectation,
  type ScheduleRecord,
} from '../history/schedule-record.ts'
import type { Check } from './check.ts'

export const ledger: Check = {
  name: 'ledger',
  promise:
    'every time of a schedule ends as one row of the ledger, in a state that its schedule allows, and nothing else does',
  find: ({ schedules: record }) => record?.schedules.flatMap((schedule) => rowsOf(record, schedule)) ?? [],
}

function rowsOf({ occurrences }: ScheduleRecord, schedule: ScheduleExpectation): string[] {
  const rows = occurrences.filter(({ scheduleId }) => scheduleId === schedule.id)
  const times = timesOf(schedule)
  const byTime = Map.groupBy(rows, ({ nominalMs }) => nominalMs)
  const missing = times.filter((atMs) => !byTime.has(atMs)).map((atMs) => `${nameOfTime(schedule, atMs)} has no row`)
  const twice = [...byTime]
    .filter(([, found]) => found.length > 1)
    .map(([atMs, found]) => `${nameOfTime(schedule, atMs)} has ${found.length} rows`)
  return [...missing, ...twice, ...rows.flatMap((row) => faultsOf(row, schedule, new Set(times)))]
}

function faultsOf(row: OccurrenceRecord, schedule: ScheduleExpectation, times: ReadonlySet<number>): string[] {
  const { nominalMs, size, state, reason, attempts } = row
  const { settledMs, ends } = schedule
  const name = nameOfTime(schedule, nominalMs)
  const found: string[] = []
  const isDue = nominalMs <= settledMs
  if (isDue && !times.has(nominalMs)) found.push(`${name} is none of its times`)
  if (size !== 1) found.push(`${name} stands for ${size} times`)
  if (state === 'open') found.push(`${name} is not over`)
  else if (isDue && !ends.includes(state)) found.push(`${name} is ${state} (${reason})`)
  if (state === 'completed' && !attempts.some(({ outcome }) => outcome === 'succeeded')) {
    found.push(`${name} is completed without an attempt that succeeded`)
  }
  if (state !== 'open' && attempts.some(({ outcome }) => outcome === 'open')) {
    found.push(`${name} is over, but not its attempt`)
  }
  return found
}
