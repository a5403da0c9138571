import {
  loadChildrenAsOf,
  loadEntities,
  loadFormerFields,
  loadTombstones,
  readDatabase,
  readHead,
  type Executor,
} from '@qcore/database'
import { QError } from '@qcore/errors'
import type { EntityState } from '@qcore/model'
import { ChildList, childrenOf } from './child-list.ts'
import type { Children } from './entity-source.ts'
import { PastEntity } from './past-entity.ts'
import { visitRecords } from './past-log.ts'
import { loadTypeHistory } from './type-history.ts'
import type { TypeRegistry } from './type-registry.ts'
import { fillValues, walkBack } from './walk-back.ts'

/** What the store held right after a revision that has passed. */
export interface Past {
  /**
   * Entities as they were; null: there was no such entity. The revision must have been committed.
   *
   * @throws QError `compacted` if nothing tells any more, `unavailable`; `deadline_exceeded` when the signal fires
   */
  entities(
    ids: readonly string[],
    revision: number,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, EntityState | null>>
  /**
   * By which revision each field of an entity had been written last, by name, and under the empty name the one that had
   * put it where it was; undefined: there was no such entity. Throws the same.
   */
  lastWrites(id: string, revision: number, signal?: AbortSignal): Promise<ReadonlyMap<string, number> | undefined>
  /** The children that entities had. Throws the same. */
  children(ids: readonly string[], revision: number): Promise<ReadonlyMap<string, Children>>
  /** The types as they were. Throws `unavailable`. */
  types(revision: number): Promise<TypeRegistry>
}

/** Entities of one statement: their fields are in memory at a time. */
const entitiesAtOnce = 200

/** Opens the past of a store: the present, walked back along the log. */
export function openPast(pool: Executor): Past {
  const load = async (
    ids: readonly string[],
    revision: number,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, EntityState | null>> => {
    const states = new Map<string, EntityState | null>()
    for (let start = 0; start < ids.length; start += entitiesAtOnce) {
      const batch = ids.slice(start, start + entitiesAtOnce)
      const found = await loadPastEntities({ pool, signal }, batch, revision)
      await fillValues(pool, [...found.values()], revision)
      for (const id of batch) states.set(id, found.get(id)?.state ?? null)
    }
    return states
  }
  return {
    entities: (ids, revision, signal) => readDatabase(load(ids, revision, signal)),
    lastWrites: async (id, revision, signal) => {
      const found = await readDatabase(loadPastEntities({ pool, signal }, [id], revision))
      return found.get(id)?.lastWrites
    },
    children: (ids, revision) => readDatabase(loadPastChildren(pool, ids, revision)),
    types: async (revision) => (await readDatabase(loadTypeHistory(pool, revision))).registryAt(revision),
  }
}

interface PastSources {
  readonly pool: Executor
  readonly signal: AbortSignal | undefined
}

/** What is read first is never newer than what is read after it, which tells how it came about. */
async function loadPastEntities(
  { pool, signal }: PastSources,
  ids: readonly string[],
  revision: number,
): Promise<Map<string, PastEntity>> {
  const { entities } = await loadEntities(pool, ids)
  const rows = new Map(entities.filter((row) => row.createdRevision <= revision).map((row) => [row.id, row]))
  // What is not there, or was created since, may have been deleted since.
  const missing = ids.filter((id) => !rows.has(id))
  const [deleted, formerFields, history] = await Promise.all([
    missing.length === 0 ? [] : loadTombstones(pool, missing, revision),
    loadFormerFields(pool, ids, revision),
    loadTypeHistory(pool, revision),
  ])
  const former = Map.groupBy(formerFields, ({ entityId }) => entityId)
  const found = new Map<string, PastEntity>()
  for (const [id, row] of rows) {
    found.set(id, PastEntity.fromRow(row, { history, revision, former: former.get(id) ?? [] }))
  }
  const deletedBy = Map.groupBy(deleted, (tombstone) => tombstone.revision)
  await visitRecords(pool, deletedBy.keys(), (record) => {
    for (const { entityId } of deletedBy.get(record.revision) ?? []) {
      const origin = { history, revision, former: former.get(entityId) ?? [] }
      const entity = PastEntity.fromDeleted(record, entityId, origin)
      if (entity !== undefined) found.set(entityId, entity)
    }
  })
  await walkBack([...found.values()], revision, { pool, signal })
  if (found.size < ids.length) assertHeld(revision, (await readHead(pool)).oldestRevision)
  return found
}

async function loadPastChildren(
  pool: Executor,
  parentIds: readonly string[],
  revision: number,
): Promise<Map<string, Children>> {
  const history = await loadTypeHistory(pool, revision)
  const lists = new Map<string, Children>()
  for (let start = 0; start < parentIds.length; start += entitiesAtOnce) {
    const batch = parentIds.slice(start, start + entitiesAtOnce)
    const { oldestRevision, children } = await loadChildrenAsOf(pool, batch, revision)
    assertHeld(revision, oldestRevision)
    for (const row of children) {
      const isOrdered = history.at(row.parentType ?? '', revision)?.hasOrderedChildren ?? false
      lists.set(row.parentId, new ChildList(childrenOf(row), isOrdered))
    }
  }
  return lists
}

/**
 * Checks that the log still follows on a revision: tombstones go with it, and so does what it tells.
 *
 * @throws QError `compacted`
 */
export function assertHeld(revision: number, oldestRevision: number): void {
  if (revision + 1 >= oldestRevision) return
  throw new QError('compacted', `revision ${revision} can be read no longer: the log begins with ${oldestRevision}`, {
    metadata: { oldest_revision: `${oldestRevision}` },
  })
}
