import { nameOfTime } from '../history/schedule-record.ts'
import type { Check } from './check.ts'

export const ticks: Check = {
  name: 'ticks',
  promise: 'an occurrence that emits has exactly one event if it is completed, and none if not',
  find: ({ schedules: record }) => {
    if (record === undefined) return []
    const events = Map.groupBy(record.events, ({ occurrenceId }) => occurrenceId)
    const emitting = new Map(record.schedules.filter(({ action }) => action === 'event').map((each) => [each.id, each]))
    const found: string[] = []
    for (const { id, scheduleId, nominalMs, state } of record.occurrences) {
      const schedule = emitting.get(scheduleId)
      if (schedule === undefined) continue
      const count = events.get(id)?.length ?? 0
      events.delete(id)
      const wanted = state === 'completed' ? 1 : 0
      if (count !== wanted) found.push(`${nameOfTime(schedule, nominalMs)} is ${state}, and has ${count} events`)
    }
    for (const [id] of events) found.push(`there is an event of the occurrence ${id}, which is not in the ledger`)
    return found
  },
}
