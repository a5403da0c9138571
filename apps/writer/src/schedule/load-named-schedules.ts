import type { Mutation, ScheduleKey } from '@qcore/contracts'
import { loadSchedules, type Executor } from '@qcore/database'
import type { PendingCommit } from '../commit/pending-commit.ts'
import type { ScheduleFacts } from './schedule-facts.ts'

/** Loads the schedules that commits name, if they name any. */
export async function loadNamedSchedules(
  executor: Executor,
  commits: readonly PendingCommit[],
): Promise<ScheduleFacts[]> {
  const keys = commits.flatMap(({ request }) => request.mutations.flatMap(keysOf))
  if (keys.length === 0) return []
  const ids = new Set(keys.map(({ id }) => id))
  ids.delete('')
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
