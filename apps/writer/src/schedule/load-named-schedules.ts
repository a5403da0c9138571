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
  const named = keys.filter(({ name }) => name !== '')
  return ids.size === 0 && named.length === 0 ? [] : loadSchedules(executor, [...ids], named)
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
