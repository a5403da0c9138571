import {
  nameOfTime,
  type RequestRecord,
  type ScheduleExpectation,
  type ScheduleRecord,
} from '../history/schedule-record.ts'
import type { Check } from './check.ts'

/** Receivers believe no time that is further away; five minutes are usual. */
const mostOffSeconds = 120

export const deliveries: Check = {
  name: 'deliveries',
  promise:
    'a receiver knows each occurrence by one id, has all that are completed, at the right time, and nothing that was not to be sent',
  find: ({ schedules: record }) => {
    if (record === undefined) return []
    const webhooks = record.schedules.filter(({ action }) => action === 'webhook')
    const found = webhooks.flatMap((schedule) => deliveriesOf(record, schedule))
    const known = new Set(webhooks.map(({ id }) => id))
    const strays = record.requests.filter(({ scheduleId }) => !known.has(scheduleId))
    return [...found, ...strays.map(({ receiver, path }) => `${receiver} was sent something of nobody's, to ${path}`)]
  },
}

function deliveriesOf({ occurrences, requests }: ScheduleRecord, schedule: ScheduleExpectation): string[] {
  const rows = occurrences.filter(({ scheduleId }) => scheduleId === schedule.id)
  const sent = Map.groupBy(
    requests.filter(({ scheduleId }) => scheduleId === schedule.id),
    ({ scheduledMs }) => scheduledMs,
  )
  const found: string[] = []
  for (const { id, nominalMs, state, attempts } of rows) {
    const name = nameOfTime(schedule, nominalMs)
    const received = sent.get(nominalMs) ?? []
    sent.delete(nominalMs)
    found.push(...wrongIds(received, { id, name }))
    const isOff = received.some(({ offSeconds }) => !(Math.abs(offSeconds) <= mostOffSeconds))
    if (isOff) found.push(`${name} was sent with a wrong time`)
    const wasTaken = received.some(({ status }) => status >= 200 && status < 300)
    if (state === 'completed' && !wasTaken) found.push(`${name} is completed, but no receiver took it`)
    if (attempts.length === 0 && received.length > 0) found.push(`${name} was sent, but its ledger knows of no attempt`)
  }
  for (const atMs of sent.keys()) found.push(`${nameOfTime(schedule, atMs)} was sent, but is not in the ledger`)
  return found
}

function wrongIds(received: readonly RequestRecord[], { id, name }: { id: string; name: string }): string[] {
  const ids = new Set(received.map(({ messageId }) => messageId))
  const others = [...new Set(received.map(({ occurrenceId }) => occurrenceId))].filter((each) => each !== id)
  return [
    ...(ids.size > 1 ? [`${name} was sent as ${ids.size} messages: ${[...ids].join(', ')}`] : []),
    ...others.map((other) => `${name} was sent as the occurrence ${other}`),
  ]
}
