import type { Mutation, ScheduleKey } from '@qcore/contracts'
import { loadSchedules, type Executor } from '@qcore/database'
import type { PendingCommit } from '../commit/pending-commit.ts'
import type { ScheduleFacts } from './schedule-facts.ts'

/** Loads the schedules that commits name, or change by the fields that they write. */
export async function loadNamedSchedules(
  executor: Executor,
  commits: readonly PendingCommit[],
): Promise<ScheduleFacts[]> {
  const keys = commits.flatMap(({ request }) => request.mutations.flatMap(keysOf))
  const ids = new Set(keys.map(({ id }) => id))
  for (const { needs } of commits) for (const id of needs?.schedules ?? []) ids.add(id)
  ids.delete('')
  if (keys.length === 0 && ids.size === 0) return []
  return loadSchedules(
    executor,
    [...ids],
    keys.filter(({ name }) => name !== ''),
  )
}

function keysOf({ kind }: Mutation): Pick<ScheduleKey, 'id' | 'namespace' | 'name'>[] {
  switch (kind.case) {
    case 'putSchedule':
      return [kind.value]
    case 'deleteSchedule':
    case 'pauseSchedule':
    case 'resumeSchedule':
      return kind.value.schedule === undefined ? [] : [kind.value.schedule]
    default:
      return []
  }
}
