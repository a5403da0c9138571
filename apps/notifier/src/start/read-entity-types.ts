import { loadLogRevisions, type Executor } from '@qcore/database'
import { loadEntityTypes } from '../sql/load-entity-types.ts'
import type { EntityTypes } from './check-subscriptions.ts'

/**
 * The types of entities as PostgreSQL has them at the time of the call.
 *
 * @param withDeleted also those that were deleted within the log's window: a stream that resumes may have watched them
 */
export async function readEntityTypes(
  executor: Executor,
  ids: readonly string[],
  withDeleted: boolean,
): Promise<EntityTypes> {
  const types = new Map<string, string | null>()
  if (ids.length === 0) return types
  const deleted = new Map<string, number>()
  for (const { id, type, deletedRevision } of await loadEntityTypes(executor, ids)) {
    if (type !== null) types.set(id, type)
    else if (withDeleted && deletedRevision !== null) deleted.set(id, deletedRevision)
  }
  if (deleted.size === 0) return types
  for (const id of deleted.keys()) types.set(id, null)
  for (const record of await loadLogRevisions(executor, [...new Set(deleted.values())])) {
    for (const { kind } of record.changes) {
      const entity = kind.case === 'entityDeleted' ? kind.value.entity : undefined
      if (entity !== undefined && deleted.get(entity.id) === Number(record.revision)) types.set(entity.id, entity.type)
    }
  }
  return types
}
