import type { ServiceImpl } from '@connectrpc/connect'
import { callerOf, namespacesOf, visibleTagsOf, type Claims } from '@qcore/access'
import { ScheduleSchema, ScheduleState, type ListSchedulesRequest, type ScheduleService } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { SchedulerContext } from '../context.ts'
import { firstPage } from '../message/first-page.ts'
import { readCursor, writeCursor } from '../message/page-cursor.ts'
import { scheduleMessage, storedScheduleState } from '../message/schedule-message.ts'
import { listSchedules, type ScheduleFilter } from '../sql/schedules.ts'
import { namedSchedule } from './named-schedule.ts'

const defaultLimit = 100

/** What reads schedules, as PostgreSQL has them now. */
export function readHandlers({
  pool,
}: Pick<SchedulerContext, 'pool'>): Pick<ServiceImpl<typeof ScheduleService>, 'getSchedule' | 'listSchedules'> {
  return {
    async getSchedule({ schedule }, context) {
      return { schedule: scheduleMessage(await namedSchedule(pool, schedule, callerOf(context))) }
    },
    async listSchedules(request, context) {
      const limit = request.limit || defaultLimit
      const rows = await readDatabase(listSchedules(pool, filterOf(request, limit + 1, callerOf(context))))
      const { page, hasMore } = firstPage(ScheduleSchema, rows.map(scheduleMessage), limit)
      const last = rows[page.length - 1]
      const nextCursor = hasMore && last !== undefined ? writeCursor({ us: last.createdUs, id: last.id }) : ''
      return { schedules: page, nextCursor }
    },
  }
}

function filterOf(
  { namespace, tags, matchAllTags, state, cursor }: ListSchedulesRequest,
  limit: number,
  caller: Claims,
): ScheduleFilter {
  const after = readCursor(cursor)
  return {
    namespace: namespace === '' ? undefined : namespace,
    namespaces: namespacesOf(caller),
    visibleTags: visibleTagsOf(caller),
    tags,
    matchAllTags,
    ...stateFilter(state),
    after: after === undefined ? undefined : { createdUs: after.us, id: after.id },
    limit,
  }
}

function stateFilter(state: ScheduleState): Pick<ScheduleFilter, 'state' | 'isDisabled' | 'isEnded'> {
  const { active, paused, deleted } = storedScheduleState
  switch (state) {
    case ScheduleState.UNSPECIFIED:
      return { state: undefined, isDisabled: undefined, isEnded: undefined }
    case ScheduleState.ACTIVE:
      return { state: active, isDisabled: false, isEnded: false }
    case ScheduleState.ENDED:
      return { state: active, isDisabled: false, isEnded: true }
    case ScheduleState.DISABLED:
      return { state: active, isDisabled: true, isEnded: undefined }
    case ScheduleState.PAUSED:
      return { state: paused, isDisabled: undefined, isEnded: undefined }
    case ScheduleState.DELETED:
      return { state: deleted, isDisabled: undefined, isEnded: undefined }
    default:
      throw new QError('invalid_request', 'no such state', { field: 'state' })
  }
}
