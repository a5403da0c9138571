import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  ListScheduleVersionsResponseSchema,
  ScheduleVersionSchema,
  type ListScheduleVersionsRequest,
  type ListScheduleVersionsResponse,
  type ScheduleVersion,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import type { SchedulerContext } from '../context.ts'
import { firstPage } from '../message/first-page.ts'
import { scheduleMessage } from '../message/schedule-message.ts'
import { listScheduleVersions, type ScheduleVersionRow } from '../sql/schedule-versions.ts'
import type { ScheduleRow } from '../sql/schedules.ts'
import { anySchedule } from './named-schedule.ts'

const defaultLimit = 100
/** After every version. */
const newest = { revision: Number.MAX_SAFE_INTEGER, step: 0 }

/** ScheduleService.ListScheduleVersions. */
export async function listVersions(
  { pool }: Pick<SchedulerContext, 'pool'>,
  { schedule: key, limit: asked, cursor }: ListScheduleVersionsRequest,
  context: HandlerContext,
): Promise<ListScheduleVersionsResponse> {
  const schedule = await anySchedule(pool, key, callerOf(context))
  const limit = asked || defaultLimit
  const before = cursor === '' ? newest : placeOf(cursor)
  const rows = await readDatabase(listScheduleVersions(pool, { scheduleId: schedule.id, before, limit: limit + 1 }))
  const versions = rows.map((row) => versionMessage(schedule, row))
  const { page, hasMore } = firstPage(ScheduleVersionSchema, versions, limit)
  const last = rows[page.length - 1]
  const nextCursor = hasMore && last !== undefined ? `${last.revision}.${last.step}` : ''
  return create(ListScheduleVersionsResponseSchema, { versions: page, nextCursor })
}

function placeOf(cursor: string): { revision: number; step: number } {
  const [revision, step] = cursor.split('.')
  return { revision: Number(revision), step: Number(step) }
}

/** The name of a schedule never changes, nor when it was made. What is planned now says nothing of then. */
function versionMessage(schedule: ScheduleRow, version: ScheduleVersionRow): ScheduleVersion {
  const then = { ...schedule, ...version, planUs: version.changedUs, nextUs: null, lastUs: null }
  return create(ScheduleVersionSchema, { change: version.change, schedule: scheduleMessage(then) })
}
