import type { WatchRequest } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import type { TypeModel } from '@qcore/model'
import { checkSubscriptions, subscribedEntities } from './check-subscriptions.ts'
import { readEntityTypes } from './read-entity-types.ts'

export interface TargetSources {
  pool: Executor
  typeModel: (name: string) => TypeModel | undefined
  feed: { catchUp(): Promise<void> }
}

/**
 * Checks that what a request names is there: as of now, so that what the caller has just committed counts.
 *
 * @throws QError `unknown_type`, `unknown_entity`, `unknown_field`, which name the part of the request
 */
export async function assertTargets(
  { subscriptions, resumeAfter }: WatchRequest,
  { pool, typeModel, feed }: TargetSources,
): Promise<void> {
  const entityTypes = await readDatabase(
    readEntityTypes(pool, subscribedEntities(subscriptions), resumeAfter !== undefined),
  )
  try {
    checkSubscriptions(subscriptions, typeModel, entityTypes)
  } catch (error) {
    // The schema may be newer than the revision that this notifier has applied.
    if (!isQError(error, 'unknown_type') && !isQError(error, 'unknown_field')) throw error
    await readDatabase(feed.catchUp())
    checkSubscriptions(subscriptions, typeModel, entityTypes)
  }
}
