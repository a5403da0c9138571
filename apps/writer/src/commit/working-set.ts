import { LRUCache } from 'lru-cache'
import { RecentMap, type TypeModel } from '@qcore/model'
import { BoundFields } from '../schedule/schedule-bindings.ts'
import { sizeOfEntity, type HotEntity } from './hot-entity.ts'
import type { AnsweredRequest } from './answered-request.ts'

/** The least that an entity takes: bounds the number of entries. */
const leastEntityBytes = 400
/** Keys that are recognised without asking PostgreSQL, at most; at least half as many. */
const mostAnsweredRequests = 50_000

/**
 * All types, and the entities that were used last, as of the newest commit. Exact, because only the leading writer
 * changes the store; emptied when a term begins.
 */
export class WorkingSet {
  readonly types = new Map<string, TypeModel>()
  /** Namespaces of events that are registered, as far as commits named them. None is ever deleted. */
  readonly namespaces = new Set<string>()
  readonly entities: LRUCache<string, HotEntity>
  /** The fields that schedules depend on. */
  readonly boundFields = new BoundFields()
  /** The newest commits that had an idempotency key. */
  readonly answered = new RecentMap<AnsweredRequest>(mostAnsweredRequests)

  constructor(mostBytes: number) {
    this.entities = new LRUCache({
      max: Math.max(1, Math.floor(mostBytes / leastEntityBytes)),
      maxSize: mostBytes,
      sizeCalculation: sizeOfEntity,
    })
  }

  /** Empties it, and takes the types in. */
  restart(types: readonly TypeModel[]): void {
    this.entities.clear()
    this.answered.clear()
    this.types.clear()
    this.namespaces.clear()
    for (const type of types) this.types.set(type.name, type)
  }

  /** Forgets the entities of a type, whose fields have changed in the store. */
  forgetType(type: string): void {
    for (const [id, entity] of this.entities.entries()) if (entity.type === type) this.entities.delete(id)
  }
}
