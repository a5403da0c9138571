import { loadChildren, loadEntities, type Executor } from '@qcore/database'
import { applyToEntity, CachedEntity, type TypeLookup } from './cached-entity.ts'
import { decodeSchemaChanged, type ChangeOutline } from './change-outline.ts'
import { ChildList, childrenOf, type Child } from './child-list.ts'
import { ExactCache, type Loaded, type TypesKnown } from './exact-cache.ts'
import type { LogFeed } from './log-feed.ts'
import type { LogRecord } from './log-record.ts'
import type { RecordHistory } from './record-history.ts'
import { addedFields, reshapes, typeOfChange } from './added-fields.ts'
import { PackedEntity } from './packed-entity.ts'

export interface ReplicaTablesOptions {
  pool: Executor
  feed: LogFeed
  history: RecordHistory
  cacheBytes: number
  typeOf: TypeLookup
  types: TypesKnown
}

/** Of the cache's memory, the part that lists of children may take. */
const childrenShare = 1 / 8

/** The caches of a replica. */
export class ReplicaTables {
  readonly entities: ExactCache<CachedEntity>
  readonly children: ExactCache<ChildList>
  readonly #typeOf: TypeLookup

  constructor({ pool, feed, history, cacheBytes, typeOf, types }: ReplicaTablesOptions) {
    this.#typeOf = typeOf
    this.entities = new ExactCache({
      feed,
      history,
      types,
      mostBytes: Math.ceil(cacheBytes * (1 - childrenShare)),
      load: (ids) => loadCachedEntities(pool, ids, typeOf),
      canReplay,
      replay: (id, entity, record) => {
        for (const change of record.changes) {
          if (concerns(change, id)) applyToEntity(entity, change, { record, typeOf })
        }
      },
    })
    this.children = new ExactCache({
      feed,
      history,
      types,
      mostBytes: Math.ceil(cacheBytes * childrenShare),
      load: (ids) => loadChildLists(pool, ids, typeOf),
      canReplay,
      replay: (id, list, record) => {
        for (const change of record.changes) applyToChildren(list, { parentId: id, change, typeOf })
      },
    })
  }

  /** Applies a commit to what is cached. */
  apply(record: LogRecord): void {
    for (const change of record.changes) {
      if (change.kind === 'schema_changed') this.#applySchema(change, record)
      else if (change.kind !== 'other') this.#applyEntityChange(change, record)
    }
  }

  clear(): void {
    this.entities.clear()
    this.children.clear()
  }

  #applyEntityChange(change: Extract<ChangeOutline, { entityId: string }>, record: LogRecord): void {
    // To look one up, its id has to be read.
    const entity = this.entities.isEmpty ? undefined : this.entities.peek(change.entityId)
    if (entity !== undefined) {
      applyToEntity(entity, change, { record, typeOf: this.#typeOf })
      this.entities.changed(change.entityId, entity)
    }
    if (change.kind === 'field_changed') return
    this.#applyToChildrenOf(change.parentId, change)
    if (change.kind === 'entity_created') this.#applyToChildrenOf(change.entityId, change)
    if (change.kind === 'entity_changed' && change.previous.parentId !== change.parentId) {
      this.#applyToChildrenOf(change.previous.parentId, change)
    }
  }

  #applyToChildrenOf(parentId: string, change: ChangeOutline): void {
    const list = this.children.peek(parentId)
    if (list === undefined) return
    applyToChildren(list, { parentId, change, typeOf: this.#typeOf })
    this.children.changed(parentId, list)
  }

  #applySchema(change: ChangeOutline, record: LogRecord): void {
    const changed = decodeSchemaChanged(change)
    if (reshapes(changed)) {
      const type = typeOfChange(changed)
      this.entities.forget(({ state }) => state?.type === type)
      this.children.forget(() => changed.schema?.childOrder !== changed.previous?.childOrder)
      return
    }
    const added = addedFields(changed, record)
    if (added === undefined || added.fields.length === 0) return
    for (const [, entity] of this.entities.entries()) entity.addFields(added)
  }
}

/** What was loaded before a type was altered is laid out otherwise. */
function canReplay({ changes }: LogRecord): boolean {
  return !changes.some((change) => change.kind === 'schema_changed' && reshapes(decodeSchemaChanged(change)))
}

function concerns(change: ChangeOutline, entityId: string): boolean {
  return change.kind === 'schema_changed' || (change.kind !== 'other' && change.entityId === entityId)
}

function applyToChildren(
  list: ChildList,
  { parentId, change, typeOf }: { parentId: string; change: ChangeOutline; typeOf: TypeLookup },
): void {
  switch (change.kind) {
    case 'entity_created':
      if (change.entityId === parentId) list.setOrder(typeOf(change.type)?.hasOrderedChildren ?? false)
      if (change.parentId === parentId) list.add(childOf(change.entityId, change))
      return
    case 'entity_deleted':
      if (change.parentId === parentId) list.remove(childOf(change.entityId, change))
      return
    case 'entity_changed':
      if (change.previous.parentId === parentId) list.remove(childOf(change.entityId, change.previous))
      if (change.parentId === parentId) list.add(childOf(change.entityId, change))
      return
    default:
  }
}

function childOf(id: string, { name, place }: { name: string; place: string }): Child {
  return { id, name, place }
}

async function loadCachedEntities(
  pool: Executor,
  ids: readonly string[],
  typeOf: TypeLookup,
): Promise<Loaded<CachedEntity>> {
  const { revision, logId, entities } = await loadEntities(pool, ids)
  const rows = new Map(entities.map((row) => [row.id, row]))
  return {
    revision,
    logId,
    valueOf: (id) => {
      const row = rows.get(id)
      if (row === undefined) return new CachedEntity(null)
      const type = typeOf(row.type)
      if (type === undefined) throw new Error(`entity ${id} is of unknown type ${row.type}`)
      return new CachedEntity(PackedEntity.fromRow(row, type))
    },
  }
}

async function loadChildLists(
  pool: Executor,
  parentIds: readonly string[],
  typeOf: TypeLookup,
): Promise<Loaded<ChildList>> {
  const { revision, logId, children } = await loadChildren(pool, parentIds)
  const rows = new Map(children.map((row) => [row.parentId, row]))
  return {
    revision,
    logId,
    valueOf: (parentId) => {
      const row = rows.get(parentId)
      const isOrdered = typeOf(row?.parentType ?? '')?.hasOrderedChildren ?? false
      return new ChildList(row === undefined ? [] : childrenOf(row), isOrdered)
    },
  }
}
