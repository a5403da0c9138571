import { randomUUID } from 'node:crypto'
import { callerOf, type Claims } from '@qcore/access'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { type Occurrence, type OccurrenceService, type ScheduleKey } from '@qcore/contracts'
import { readDatabase, writeDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import { isOccurrence } from '@qcore/recurrence'
import type { SchedulerContext } from '../context.ts'
import { occurrenceMessage } from '../message/occurrence-message.ts'
import { occurrenceState } from '../occurrence-state.ts'
import { readRuleSpec } from '../schedule-settings.ts'
import { timeOf } from '../sql/deed.ts'
import { editOccurrence, loadOccurrenceAt } from '../sql/occurrences.ts'
import { namedSchedule } from './named-schedule.ts'

interface Edit {
  readonly schedule: ScheduleKey | undefined
  readonly nominalTime: Timestamp | undefined
  /** Undefined: it does not fire at all. */
  readonly dueUs: number | undefined
}

/** Cancelling and moving one occurrence. */
export function editHandlers(
  scheduler: Pick<SchedulerContext, 'pool'>,
): Pick<ServiceImpl<typeof OccurrenceService>, 'cancelOccurrence' | 'moveOccurrence'> {
  return {
    async cancelOccurrence({ schedule, nominalTime }, context) {
      return { occurrence: await edit(scheduler, { schedule, nominalTime, dueUs: undefined }, callerOf(context)) }
    },
    async moveOccurrence({ schedule, nominalTime, dueTime }, context) {
      const dueUs = microsOf(dueTime, 'due_time')
      if (dueUs < Date.now() * 1_000 - clockToleranceUs) {
        throw new QError('invalid_request', 'that time has passed', { field: 'due_time' })
      }
      return { occurrence: await edit(scheduler, { schedule, nominalTime, dueUs }, callerOf(context)) }
    },
  }
}

/** How far the clock of the caller may be behind. */
const clockToleranceUs = 5_000_000

async function edit(
  { pool }: Pick<SchedulerContext, 'pool'>,
  { schedule: key, nominalTime, dueUs }: Edit,
  caller: Claims,
): Promise<Occurrence> {
  const schedule = await namedSchedule(pool, key, caller)
  const nominalUs = microsOf(nominalTime, 'nominal_time')
  const present = await readDatabase(loadOccurrenceAt(pool, schedule.id, nominalUs))
  if (present?.nominalUs !== nominalUs) {
    const isComing = nominalUs > Date.now() * 1_000 && isOccurrence(readRuleSpec(schedule.ruleSpec), nominalUs / 1_000)
    if (!isComing)
      throw new QError('unknown_occurrence', 'the schedule has none at that time', { field: 'nominal_time' })
  }
  const isCancelled = dueUs === undefined
  const change = {
    id: randomUUID(),
    scheduleId: schedule.id,
    scheduleRevision: schedule.revision,
    nominalUs,
    dueUs: dueUs ?? present?.dueUs ?? nominalUs,
    state: isCancelled ? occurrenceState.cancelled : occurrenceState.pending,
    reason: isCancelled ? 'by_hand' : '',
  }
  const detail = { nominalTime: timeOf(nominalUs), ...(isCancelled ? {} : { dueTime: timeOf(dueUs) }) }
  const action = isCancelled ? 'occurrence.cancel' : 'occurrence.move'
  const deed = { ...caller, action, detail } as const
  const row = await writeDatabase(pool, (connection) => editOccurrence(connection, change, deed))
  if (row !== undefined) return occurrenceMessage(row)
  throw new QError('occurrence_over', 'the occurrence is over, or under way', { field: 'nominal_time' })
}

function microsOf(time: Timestamp | undefined, field: string): number {
  if (time === undefined) throw new QError('invalid_request', 'a time is missing', { field })
  return Number(microsFromTimestamp(time, field))
}
