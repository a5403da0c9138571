import type { Executor } from '../pool.ts'

/** Says that the log begins at a revision. Returns whether it did: a deposed writer changes nothing. */
export async function storeOldestRevision(
  executor: Executor,
  { epoch, oldestRevision }: { epoch: number; oldestRevision: number },
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'store_oldest_revision',
    text: 'update head set oldest_revision = greatest(oldest_revision, $2) where epoch = $1',
    values: [epoch, oldestRevision],
  })
  return rowCount === 1
}

/** Deletes idempotency keys of revisions before one, at most `limit`. Returns how many. */
export async function deleteRequestsBefore(executor: Executor, revision: number, limit: number): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_requests_before',
    text: `delete from request where key in (select key from request where revision < $1 order by revision limit $2)`,
    values: [revision, limit],
  })
  return rowCount ?? 0
}

/** Deletes former places of revisions before one, at most `limit`. Returns how many. */
export async function deleteFormerPlacesBefore(executor: Executor, revision: number, limit: number): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_former_places_before',
    text: `
      delete from former_place
      where (entity_id, revision) in (
        select entity_id, revision from former_place where revision < $1 order by revision limit $2)`,
    values: [revision, limit],
  })
  return rowCount ?? 0
}

/** Deletes former values of fields of revisions before one, at most `limit`. Returns how many. */
export async function deleteFormerFieldsBefore(executor: Executor, revision: number, limit: number): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_former_fields_before',
    text: `
      delete from former_field
      where (entity_id, field_id, revision) in (
        select entity_id, field_id, revision from former_field where revision < $1 order by revision limit $2)`,
    values: [revision, limit],
  })
  return rowCount ?? 0
}

/** Deletes tombstones of revisions before one, at most `limit`. Returns how many. */
export async function deleteTombstonesBefore(executor: Executor, revision: number, limit: number): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_tombstones_before',
    text: `
      delete from tombstone
      where (entity_id, revision) in (
        select entity_id, revision from tombstone where revision < $1 order by revision limit $2)`,
    values: [revision, limit],
  })
  return rowCount ?? 0
}
