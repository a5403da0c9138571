import {
  nameOfTime,
  type OccurrenceRecord,
  type RequestRecord,
  type ScheduleExpectation,
} from '../history/schedule-record.ts'
import type { Check } from './check.ts'

export const attempts: Check = {
  name: 'attempts',
  promise:
    'an attempt is in the ledger before it is made, is made once, and there are never more of them than the schedule allows',
  find: ({ schedules: record }) => {
    if (record === undefined) return []
    const sent = Map.groupBy(record.requests, ({ occurrenceId }) => occurrenceId)
    const schedules = new Map(record.schedules.map((schedule) => [schedule.id, schedule]))
    return record.occurrences.flatMap((row) => {
      const schedule = schedules.get(row.scheduleId)
      return schedule === undefined ? [] : attemptsOf(row, schedule, sent.get(row.id) ?? [])
    })
  },
}

function attemptsOf(
  { nominalMs, state, reason, tries, attempts: recorded }: OccurrenceRecord,
  schedule: ScheduleExpectation,
  sent: readonly RequestRecord[],
): string[] {
  const name = nameOfTime(schedule, nominalMs)
  const found: string[] = []
  const { maxAttempts } = schedule
  if (tries > maxAttempts) found.push(`${name} counts ${tries} attempts of ${maxAttempts}`)
  if (sent.length > maxAttempts) found.push(`${name} was sent ${sent.length} times, and ${maxAttempts} are allowed`)
  if (state === 'failed' && reason === 'attempts' && tries < maxAttempts) {
    found.push(`${name} was given up after ${tries} attempts of ${maxAttempts}`)
  }
  const numbers = new Set(recorded.map(({ number }) => number))
  for (const [number, requests] of Map.groupBy(sent, ({ attempt }) => attempt)) {
    if (!numbers.has(number)) found.push(`${name} was sent as attempt ${number}, which is not in the ledger`)
    if (requests.length > 1) found.push(`${name} was sent ${requests.length} times as attempt ${number}`)
  }
  return found
}
