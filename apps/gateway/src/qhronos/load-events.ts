import { ScheduleState, type Schedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { Caller } from './caller.ts'
import { namespace } from './event-action.ts'
import type { OwnedCall, RouteServices } from './route.ts'

const pageSize = 1_000
/** More than these are asked for by tags, or by pages of the service itself. */
const mostEvents = 10_000

/** Who lists, and what. */
interface Listing {
  readonly caller: Caller
  readonly services: Pick<RouteServices, 'schedules'>
}

/** The events that a caller sees, the newest first; of those with any of the tags, or all of them. */
export async function loadEvents(
  { services, caller }: Listing,
  { tags = [], matchAll = false }: { tags?: readonly string[]; matchAll?: boolean } = {},
): Promise<Schedule[]> {
  if (caller.tags?.length === 0) return []
  const found: Schedule[] = []
  const headers = await caller.listHeaders()
  for (let cursor = ''; ;) {
    const request = { namespace, tags: [...tags], matchAllTags: matchAll, limit: pageSize, cursor }
    const page = await services.schedules.listSchedules(request, { headers })
    found.push(...page.schedules)
    if (page.nextCursor === '') return found
    if (found.length > mostEvents) {
      throw new QError('value_out_of_range', `there are more than ${mostEvents} events; narrow the list by tags`, {
        field: 'tags',
      })
    }
    cursor = page.nextCursor
  }
}

/**
 * An event that the caller sees. What he does not see is not there.
 *
 * @throws QError `unknown_schedule`
 */
export async function loadEvent(call: OwnedCall, id: string): Promise<Schedule> {
  const event = await findEvent(call, id)
  if (event === undefined) throw unknownEvent()
  return event
}

/**
 * The same. Undefined: there is none of that id any more, for nobody.
 *
 * @throws QError `unknown_schedule` for one that the caller does not see
 */
export async function findEvent({ services, caller }: OwnedCall, id: string): Promise<Schedule | undefined> {
  const request = { schedule: { id } }
  try {
    const { schedule } = await services.schedules.getSchedule(request, { headers: await caller.headers() })
    const isThere = schedule?.namespace === namespace && schedule.state !== ScheduleState.DELETED
    if (schedule !== undefined && isThere && caller.sees(schedule.tags)) return schedule
  } catch (error) {
    if (isQError(fromConnectError(error), 'unknown_schedule')) return undefined
    throw error
  }
  throw unknownEvent()
}

export function unknownEvent(): QError {
  return new QError('unknown_schedule', 'event not found', { field: 'id' })
}
