import { RecentMap, type TypeModel } from '@qcore/model'
import { BoundFields } from '../schedule/schedule-bindings.ts'
import type { HotEntity } from './hot-entity.ts'
import type { AnsweredRequest } from './answered-request.ts'

/** Keys that are recognised without asking PostgreSQL, at most; at least half as many. */
const mostAnsweredRequests = 50_000

/**
 * All types, and the entities that were written last, as of the newest commit. Exact, because only the leading writer
 * changes the store; emptied when a term begins.
 */
export class WorkingSet {
  readonly types = new Map<string, TypeModel>()
  /** Namespaces of events that are registered, as far as commits named them. None is ever deleted. */
  readonly namespaces = new Set<string>()
  readonly entities: RecentMap<HotEntity>
  /** The fields that schedules depend on. */
  readonly boundFields = new BoundFields()
  /** The newest commits that had an idempotency key. */
  readonly answered = new RecentMap<AnsweredRequest>(mostAnsweredRequests)

  constructor(mostBytes: number) {
    this.entities = new RecentMap(mostBytes, ({ bytes }) => bytes)
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
    this.entities.deleteWhere((entity) => entity.type === type)
  }
}
