import {
  loadChildrenAsOf,
  loadEntities,
  loadTombstones,
  readDatabase,
  readHead,
  type Executor,
} from '@qcore/database'
import { QError } from '@qcore/errors'
import type { EntityState, TypeModel } from '@qcore/model'
import type { TypeLookup } from './cached-entity.ts'
import { ChildList } from './child-list.ts'
import type { Children } from './entity-source.ts'
import { PastEntity } from './past-entity.ts'
import { PastLog } from './past-log.ts'

/** What the store held right after a revision that has passed. */
export interface Past {
  /**
   * Entities as they were; null: there was no such entity. The revision must have been committed.
   *
   * @throws QError `compacted` if nothing tells any more, `unavailable`
   */
  entities(ids: readonly string[], revision: number): Promise<ReadonlyMap<string, EntityState | null>>
  /** The children that an entity had. Throws the same. */
  children(id: string, revision: number): Promise<Children>
  /** A type, which may have got fields since; an entity of the past has fewer. */
  type(name: string): TypeModel | undefined
}

/** Opens the past of a store: the present, walked back along the log. */
export function openPast(pool: Executor, typeOf: TypeLookup): Past {
  return {
    type: typeOf,
    entities: (ids, revision) => readDatabase(loadPastEntities({ pool, typeOf }, ids, revision)),
    children: (id, revision) => readDatabase(loadPastChildren(pool, id, revision)),
  }
}

async function loadPastEntities(
  { pool, typeOf }: { pool: Executor; typeOf: TypeLookup },
  ids: readonly string[],
  revision: number,
): Promise<Map<string, EntityState | null>> {
  const log = new PastLog(pool)
  const found = new Map<string, PastEntity>()
  const { entities } = await loadEntities(pool, ids)
  for (const row of entities) {
    const type = typeOf(row.type)
    if (row.createdRevision <= revision && type !== undefined) found.set(row.id, PastEntity.fromRow(row, type))
  }
  // What is not there, or was created since, may have been deleted since.
  const missing = ids.filter((id) => !found.has(id))
  const deleted = await loadTombstones(pool, missing, revision)
  await log.load(deleted.map((tombstone) => tombstone.revision))
  for (const { entityId, revision: deletedRevision } of deleted) {
    const entity = PastEntity.fromDeleted(log.at(deletedRevision), entityId, typeOf)
    if (entity !== undefined && entity.createdRevision <= revision) found.set(entityId, entity)
  }
  await walkBack([...found.values()], log, revision)
  if (ids.some((id) => !found.has(id))) assertHeld(revision, (await readHead(pool)).oldestRevision)
  return new Map(ids.map((id) => [id, found.get(id)?.state ?? null]))
}

/** Fields that were written more often since are looked for from the other end: their next change is not far. */
const mostStepsBack = 8

async function walkBack(entities: readonly PastEntity[], log: PastLog, revision: number): Promise<void> {
  for (let step = 0; step < mostStepsBack; step++) {
    const later = entities.flatMap((entity) => entity.revisionsAfter(revision))
    if (later.length === 0) break
    await log.load(later)
    for (const entity of entities) entity.stepBack(log, revision)
  }
  await walkForward(entities, log, revision)
  await log.load(entities.flatMap((entity) => entity.revisionsWithoutValue()))
  for (const entity of entities) entity.fillValues(log)
}

async function walkForward(entities: readonly PastEntity[], log: PastLog, revision: number): Promise<void> {
  const open = new Map(
    entities.filter((entity) => entity.revisionsAfter(revision).length > 0).map((entity) => [entity.id, entity]),
  )
  if (open.size === 0) return
  for await (const record of log.after(revision)) {
    for (const change of record.changes) {
      if (change.kind === 'schema_changed') for (const entity of open.values()) entity.dropAdded(change)
      else if (change.kind === 'field_changed') open.get(change.entityId)?.stepTo(change, revision)
    }
    for (const [id, entity] of open) if (entity.revisionsAfter(revision).length === 0) open.delete(id)
    if (open.size === 0) return
  }
}

async function loadPastChildren(pool: Executor, parentId: string, revision: number): Promise<Children> {
  const { oldestRevision, children } = await loadChildrenAsOf(pool, parentId, revision)
  assertHeld(revision, oldestRevision)
  return new ChildList(children)
}

/** Tombstones go with the log: a revision that it does not follow on tells nothing of what was deleted. */
function assertHeld(revision: number, oldestRevision: number): void {
  if (revision + 1 >= oldestRevision) return
  throw new QError('compacted', `revision ${revision} can be read no longer: the log begins with ${oldestRevision}`, {
    metadata: { oldest_revision: `${oldestRevision}` },
  })
}
