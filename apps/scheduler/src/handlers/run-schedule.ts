import { createHash, randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import { RunScheduleResponseSchema, type RunScheduleRequest, type RunScheduleResponse } from '@qcore/contracts'
import { writeDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { SchedulerContext } from '../context.ts'
import { occurrenceMessage } from '../message/occurrence-message.ts'
import { addManualOccurrence } from '../sql/occurrences.ts'
import { namedSchedule } from './named-schedule.ts'

/** ScheduleService.RunSchedule: an occurrence that is due at once. */
export async function runSchedule(
  { pool }: Pick<SchedulerContext, 'pool'>,
  { schedule: key, idempotencyKey }: RunScheduleRequest,
  context: HandlerContext,
): Promise<RunScheduleResponse> {
  const caller = callerOf(context)
  const { id: scheduleId, revision: scheduleRevision } = await namedSchedule(pool, key, caller)
  const id = idempotencyKey === '' ? randomUUID() : idOfKey(scheduleId, idempotencyKey)
  const added = { id, scheduleId, scheduleRevision }
  const row = await writeDatabase(pool, (connection) => addManualOccurrence(connection, added, caller))
  if (row === undefined) throw new QError('unavailable', 'the occurrence is gone already')
  return create(RunScheduleResponseSchema, { occurrence: occurrenceMessage(row) })
}

/** Calls with one key come to one id: a UUID of version 8. */
function idOfKey(scheduleId: string, key: string): string {
  const hex = createHash('sha256').update(`${scheduleId}\n${key}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
