import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  BackfillScheduleResponseSchema,
  type BackfillScheduleRequest,
  type BackfillScheduleResponse,
} from '@qcore/contracts'
import { writeDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import { between, countBetween } from '@qcore/recurrence'
import type { SchedulerContext } from '../context.ts'
import { readRuleSpec } from '../schedule-settings.ts'
import { backfillOccurrences } from '../sql/backfill-occurrences.ts'
import { timeOf } from '../sql/deed.ts'
import { namedSchedule } from './named-schedule.ts'

const mostOccurrences = 1_000
/** Of the times after a span, so many may have rows already. */
const mostLater = 100
const usPerMs = 1_000

/** ScheduleService.BackfillSchedule. */
export async function backfillSchedule(
  { pool }: Pick<SchedulerContext, 'pool'>,
  { schedule: key, fromTime, toTime, includeCompleted }: BackfillScheduleRequest,
  context: HandlerContext,
): Promise<BackfillScheduleResponse> {
  const caller = callerOf(context)
  const schedule = await namedSchedule(pool, key, caller)
  const fromMs = msOf(fromTime, 'from_time')
  const beforeMs = msOf(toTime, 'to_time')
  if (beforeMs < fromMs) throw new QError('invalid_request', 'the span ends before it begins', { field: 'to_time' })
  if (beforeMs > Date.now())
    throw new QError('invalid_request', 'the span reaches into the future', { field: 'to_time' })
  const rule = readRuleSpec(schedule.ruleSpec)
  const total = countBetween(rule, { fromMs, beforeMs })
  if (total > mostOccurrences) {
    const message = `the span has ${total} occurrences; a call takes ${mostOccurrences}`
    throw new QError('invalid_request', message, { field: 'to_time' })
  }
  const times = between(rule, { fromMs, beforeMs }, mostOccurrences).map((atMs) => ({
    id: randomUUID(),
    nominalUs: atMs * usPerMs,
  }))
  const laterUs = between(rule, { fromMs: beforeMs, beforeMs: Date.now() }, mostLater).map((atMs) => atMs * usPerMs)
  const { id: scheduleId, revision: scheduleRevision } = schedule
  const filling = { scheduleId, scheduleRevision, times, laterUs, includeCompleted }
  const [from, to] = [timeOf(fromMs * usPerMs), timeOf(beforeMs * usPerMs)]
  const deed = { ...caller, action: 'schedule.backfill', detail: { from, to, includeCompleted } } as const
  const write = (connection: Executor): Promise<number> => backfillOccurrences(connection, filling, deed)
  const count = times.length === 0 ? 0 : await writeDatabase(pool, write)
  return create(BackfillScheduleResponseSchema, { count })
}

function msOf(time: BackfillScheduleRequest['fromTime'], field: string): number {
  if (time === undefined) throw new QError('invalid_request', 'a time is missing', { field })
  return Number(microsFromTimestamp(time, field)) / usPerMs
}
