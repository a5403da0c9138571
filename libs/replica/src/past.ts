import { loadChildrenAsOf, loadEntities, loadTombstones, readDatabase, readHead, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { EntityState, TypeModel } from '@qcore/model'
import type { TypeLookup } from './cached-entity.ts'
import { ChildList, childrenOf } from './child-list.ts'
import type { Children } from './entity-source.ts'
import { PastEntity } from './past-entity.ts'
import { visitRecords } from './past-log.ts'
import { fillValues, walkBack } from './walk-back.ts'

/** What the store held right after a revision that has passed. */
export interface Past {
  /**
   * Entities as they were; null: there was no such entity. The revision must have been committed, and applied by those
   * who know the types.
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
  /**
   * The children that entities had. Throws the same.
   *
   * @param typeThen the types at the revision, which say how children are ordered; default: as they are now
   */
  children(ids: readonly string[], revision: number, typeThen?: TypeLookup): Promise<ReadonlyMap<string, Children>>
  /** A type, which may have got fields since; an entity of the past has fewer. */
  type(name: string): TypeModel | undefined
}

/** Entities of one statement: their fields are in memory at a time. */
const entitiesAtOnce = 200

/** Opens the past of a store: the present, walked back along the log. */
export function openPast(pool: Executor, typeOf: TypeLookup): Past {
  const load = async (
    ids: readonly string[],
    revision: number,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, EntityState | null>> => {
    const states = new Map<string, EntityState | null>()
    for (let start = 0; start < ids.length; start += entitiesAtOnce) {
      const batch = ids.slice(start, start + entitiesAtOnce)
      const found = await loadPastEntities({ pool, typeOf, signal }, batch, revision)
      await fillValues(pool, [...found.values()])
      for (const id of batch) states.set(id, found.get(id)?.state ?? null)
    }
    return states
  }
  return {
    type: typeOf,
    entities: (ids, revision, signal) => readDatabase(load(ids, revision, signal)),
    lastWrites: async (id, revision, signal) => {
      const found = await readDatabase(loadPastEntities({ pool, typeOf, signal }, [id], revision))
      return found.get(id)?.lastWrites
    },
    children: (ids, revision, typeThen = typeOf) =>
      readDatabase(loadPastChildren({ pool, typeOf: typeThen }, ids, revision)),
  }
}

interface PastSources {
  readonly pool: Executor
  readonly typeOf: TypeLookup
  readonly signal: AbortSignal | undefined
}

async function loadPastEntities(
  { pool, typeOf, signal }: PastSources,
  ids: readonly string[],
  revision: number,
): Promise<Map<string, PastEntity>> {
  const found = new Map<string, PastEntity>()
  const { entities } = await loadEntities(pool, ids)
  for (const row of entities) {
    const type = typeOf(row.type)
    if (row.createdRevision <= revision && type !== undefined) found.set(row.id, PastEntity.fromRow(row, type))
  }
  // What is not there, or was created since, may have been deleted since.
  const missing = ids.filter((id) => !found.has(id))
  const deleted = missing.length === 0 ? [] : await loadTombstones(pool, missing, revision)
  const deletedBy = Map.groupBy(deleted, (tombstone) => tombstone.revision)
  await visitRecords(pool, deletedBy.keys(), (record) => {
    for (const { entityId } of deletedBy.get(record.revision) ?? []) {
      const entity = PastEntity.fromDeleted(record, entityId, typeOf)
      if (entity !== undefined) found.set(entityId, entity)
    }
  })
  await walkBack([...found.values()], revision, { pool, signal })
  if (found.size < ids.length) assertHeld(revision, (await readHead(pool)).oldestRevision)
  return found
}

async function loadPastChildren(
  { pool, typeOf }: Omit<PastSources, 'signal'>,
  parentIds: readonly string[],
  revision: number,
): Promise<Map<string, Children>> {
  const lists = new Map<string, Children>()
  for (let start = 0; start < parentIds.length; start += entitiesAtOnce) {
    const batch = parentIds.slice(start, start + entitiesAtOnce)
    const { oldestRevision, children } = await loadChildrenAsOf(pool, batch, revision)
    assertHeld(revision, oldestRevision)
    for (const row of children) {
      const isOrdered = typeOf(row.parentType ?? '')?.hasOrderedChildren ?? false
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
