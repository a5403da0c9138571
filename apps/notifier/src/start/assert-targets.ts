import type { WatchRequest } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { visibleType, type Grants, type TypeModel } from '@qcore/model'
import { checkSubscriptions, subscribedEntities, type EntityTypes } from './check-subscriptions.ts'
import { readEntityTypes } from './read-entity-types.ts'

export interface TargetSources {
  pool: Executor
  typeModel: (name: string) => TypeModel | undefined
  feed: { readonly appliedRevision: number; catchUp(): Promise<void> }
}

/**
 * Checks that what a request names is there: as of now, so that what the caller has just committed counts. Gives the types
 * of the entities that it names.
 *
 * @throws QError `unknown_type`, `unknown_entity`, `unknown_field`, which name the part of the request
 */
export async function assertTargets(
  { subscriptions, resumeAfter }: WatchRequest,
  { pool, typeModel, feed }: TargetSources,
  grants: Grants,
): Promise<EntityTypes> {
  // Who resumes behind what this notifier has applied names what there is by then.
  if (Number(resumeAfter ?? 0n) > feed.appliedRevision) await readDatabase(feed.catchUp())
  const known = await readDatabase(readEntityTypes(pool, subscribedEntities(subscriptions), resumeAfter !== undefined))
  const check = (): void => checkSubscriptions(subscriptions, ...visible({ typeModel, entityTypes: known }, grants))
  try {
    check()
    return known
  } catch (error) {
    // The schema may be newer than the revision that this notifier has applied.
    if (!isQError(error, 'unknown_type') && !isQError(error, 'unknown_field')) throw error
    await readDatabase(feed.catchUp())
    check()
    return known
  }
}

/** What a caller may not see is not there: of an entity whose type is gone, only who sees all may hear. */
function visible(
  { typeModel, entityTypes }: { typeModel: TargetSources['typeModel']; entityTypes: EntityTypes },
  grants: Grants,
): [typeModel: TargetSources['typeModel'], entityTypes: EntityTypes] {
  const visibleModel = (name: string): TypeModel | undefined => {
    const model = typeModel(name)
    return model && visibleType(model, grants)
  }
  const isVisible = (type: string | null): boolean =>
    type === null || typeModel(type) === undefined || visibleModel(type) !== undefined
  return [visibleModel, new Map([...entityTypes].filter(([, type]) => isVisible(type)))]
}
