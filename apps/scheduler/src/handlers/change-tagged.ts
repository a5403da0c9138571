import { create } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { callerOf, namespacesOf, visibleTagsOf } from '@qcore/access'
import {
  PauseScheduleSchema,
  ResumeScheduleSchema,
  type Mutation,
  type PauseSchedulesRequest,
  type ResumeSchedulesRequest,
  type ScheduleService,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { isQError } from '@qcore/errors'
import type { SchedulerContext } from '../context.ts'
import { listTagged, type TaggedFilter } from '../sql/tagged-schedules.ts'
import { commitMutations } from './commit-mutation.ts'

/** Schedules of one commit. */
const mostPerCommit = 500
/** A commit that found a schedule deleted is made again, without it. */
const mostTries = 5

type Tagged = Pick<ServiceImpl<typeof ScheduleService>, 'pauseSchedules' | 'resumeSchedules'>

/** What changes all schedules that have certain tags: as many commits as it takes. */
export function taggedHandlers(scheduler: SchedulerContext): Tagged {
  return {
    pauseSchedules: (request, context) => changeTagged(scheduler, { request, change: 'pause' }, context),
    resumeSchedules: (request, context) => changeTagged(scheduler, { request, change: 'resume' }, context),
  }
}

interface TaggedChange {
  readonly request: PauseSchedulesRequest | ResumeSchedulesRequest
  readonly change: TaggedFilter['change']
}

async function changeTagged(
  scheduler: SchedulerContext,
  { request: { namespace, tags, matchAllTags }, change }: TaggedChange,
  context: HandlerContext,
): Promise<{ count: number; revision: bigint }> {
  const caller = callerOf(context)
  const seen = { namespaces: namespacesOf(caller), visibleTags: visibleTagsOf(caller) }
  const filter = { namespace, ...seen, tags, matchAllTags, change, limit: mostPerCommit }
  let count = 0
  let revision = 0n
  for (let failures = 0; ;) {
    context.signal.throwIfAborted()
    const ids = await readDatabase(listTagged(scheduler.pool, filter))
    if (ids.length === 0) return { count, revision }
    try {
      const done = await commitMutations(
        scheduler,
        { kinds: ids.map((id) => kindOf(change, id)), idempotencyKey: '' },
        context,
      )
      const changed = done.results.filter((result) => result.changed).length
      // Others were faster with all of them, and what they did is not to be seen yet.
      if (changed === 0) return { count, revision }
      count += changed
      revision = done.revision
    } catch (error) {
      if (!isQError(error, 'unknown_schedule') || ++failures === mostTries) throw error
    }
  }
}

function kindOf(change: TaggedFilter['change'], id: string): Mutation['kind'] {
  const schedule = { id, namespace: '', name: '' }
  return change === 'pause'
    ? { case: 'pauseSchedule', value: create(PauseScheduleSchema, { schedule }) }
    : { case: 'resumeSchedule', value: create(ResumeScheduleSchema, { schedule }) }
}
