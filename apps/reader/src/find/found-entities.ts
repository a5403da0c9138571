import { LRUCache } from 'lru-cache'
import type { LogFeed, LogFollower, LogRecord } from '@qcore/replica'
import type { FoundRow } from '../query/query-page.ts'

/** What finds tell of an entity besides its fields. */
export type FoundEntity = Pick<FoundRow, 'id' | 'name' | 'parentId' | 'createdRevision' | 'structureRevision' | 'place'>

/** Bytes of memory, measured on V8 without pointer compression: of an entity, besides the characters of its name and place. */
const entityBytes = 260
/** So many pages of a type in a row were known: the next one is as well. */
const surelyKnown = 3

/**
 * The entities that were found lately, exactly as of the applied revision, the least recently found left out above a number of
 * bytes. Of those PostgreSQL need only tell the ids.
 */
export class FoundEntities implements LogFollower {
  readonly #recent: LRUCache<string, FoundEntity>
  /** How many of the pages of a type that were found last were known, by type. */
  readonly #knownPages = new Map<string, number>()
  #feed: Pick<LogFeed, 'appliedRevision'> | undefined
  /** Pages of former revisions may lack a change that was applied before they came. */
  #changedAt = 0

  constructor(mostBytes: number) {
    this.#recent = new LRUCache({
      maxSize: mostBytes,
      sizeCalculation: ({ name, place }) => entityBytes + name.length + place.length,
    })
  }

  /** Whose commits it is told of from now on. */
  follow(feed: Pick<LogFeed, 'appliedRevision'>): void {
    this.#feed = feed
    this.onReplaced()
  }

  apply({ changes, revision }: LogRecord): void {
    for (const change of changes) {
      if (change.kind === 'field_changed' || change.kind === 'other') continue
      this.#changedAt = revision
      if (change.kind === 'schema_changed') this.#recent.clear()
      else if (this.#recent.size > 0) this.#recent.delete(change.entityId)
    }
  }

  onReplaced(): void {
    this.#recent.clear()
    this.#changedAt = this.#feed?.appliedRevision ?? 0
  }

  /** Whether lately all entities of a type that were found were known. */
  isLikelyToKnow(type: string): boolean {
    return (this.#knownPages.get(type) ?? 0) >= surelyKnown
  }

  /** Entities as of a revision that was applied; undefined if one is not known as it was then. */
  get(type: string, ids: readonly string[], revision: number): FoundEntity[] | undefined {
    const entities: FoundEntity[] = []
    for (const id of ids) {
      const entity = this.#recent.get(id)
      if (entity === undefined || entity.structureRevision > revision) {
        this.#knownPages.delete(type)
        return undefined
      }
      entities.push(entity)
    }
    return entities
  }

  /** Keeps the entities of a page of a revision that was applied. */
  add(type: string, page: readonly FoundEntity[], revision: number): void {
    const areKnown = page.every(({ id }) => this.#recent.has(id))
    this.#knownPages.set(type, areKnown ? (this.#knownPages.get(type) ?? 0) + 1 : 0)
    if (areKnown || revision < this.#changedAt) return
    for (const { id, name, parentId, createdRevision, structureRevision, place } of page) {
      this.#recent.set(id, { id, name, parentId, createdRevision, structureRevision, place })
    }
  }
}
