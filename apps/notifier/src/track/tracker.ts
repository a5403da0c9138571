import { QError } from '@qcore/errors'
import type { EntityState, Grants } from '@qcore/model'
import { visibleSource, type EntitySource, type PresentTypes, type TypeRegistry } from '@qcore/replica'
import type { NotifiedChange } from '../match/notified-change.ts'
import type { WatchContext } from '../match/subscription-group.ts'
import { typeFieldKey, typeKey } from './dependency-key.ts'
import type { DependencyIndex } from './dependency-index.ts'
import { ObservingSource } from './observing-source.ts'
import type { StateBudget } from './state-budget.ts'

/** Which entities a tracker evaluates. */
export type TrackedTarget =
  { readonly kind: 'entity'; readonly id: string } | { readonly kind: 'type'; readonly type: string }

/** Where trackers read. */
export interface TrackedView {
  readonly source: EntitySource
  readonly present: PresentTypes | undefined
}

/** An entity that was evaluated: with what it gave and what that depends on. Null: there is no such entity. */
export interface Evaluation<Result> {
  readonly entityId: string
  readonly result: Result | null
  readonly observed: ObservingSource
}

/** An entity that is tracked. */
interface Cell<Result> {
  /** Null: one entity is looked for, and is not there. */
  readonly result: Result | null
  readonly keys: readonly string[]
  readonly entityIds: readonly string[]
  readonly parentIds: readonly string[]
  readonly bytes: number
}

/** What an entity gave before, and gives now. */
export interface Transition<Result> {
  readonly entityId: string
  readonly before: Result | undefined
  readonly after: Result | undefined
}

/** How many more users entities and lists of children have. */
export interface UserCounts {
  readonly entities: Map<string, number>
  readonly children: Map<string, number>
}

/** Bytes of memory that an entity that is tracked takes, and a thing that it depends on; besides their results. */
const cellBytes = 240
const keyBytes = 200

/** The most entities that one subscription evaluates. */
export const mostTracked = 100_000

const nothing: readonly string[] = []

/**
 * Follows what one subscription computes of each of its entities. The results, and what they depend on, are those of the
 * revision before the next commit that it is told of.
 */
export abstract class Tracker<Result = unknown> {
  readonly target: TrackedTarget
  readonly context: WatchContext
  /** What to name in an error. */
  readonly field: string
  readonly #index: DependencyIndex<Tracker>
  readonly #budget: StateBudget
  readonly #cells = new Map<string, Cell<Result>>()
  readonly #ownNames = new Set<string>()

  constructor(
    { target, context, field }: { target: TrackedTarget; context: WatchContext; field: string },
    { index, budget }: { index: DependencyIndex<Tracker>; budget: StateBudget },
  ) {
    this.target = target
    this.context = context
    this.field = field
    this.#index = index
    this.#budget = budget
  }

  /**
   * Fits itself to the types of a revision.
   *
   * @throws QError what the checks of queries throw
   */
  abstract check(types: TypeRegistry, present: PresentTypes): void

  /** Whether a change of a schema may concern it. */
  abstract dependsOnType(type: string): boolean

  /** What an entity gives; undefined if something is not at hand. */
  protected abstract compute(entity: EntityState, source: EntitySource): Result | undefined

  protected abstract bytesOf(result: Result): number

  /** Takes what has changed, and tells of it. */
  protected abstract take(transitions: readonly Transition<Result>[]): NotifiedChange[]

  /** The subscriptions that a change is for, ascending. */
  abstract positionsFor(change: NotifiedChange): readonly number[]

  /** The names of fields, and of steps, that it depends on. */
  abstract get names(): ReadonlySet<string>

  /** What a stream that begins is told of. */
  initial(): NotifiedChange[] {
    return []
  }

  protected get grants(): Grants {
    return this.context.grants
  }

  get entityIds(): Iterable<string> {
    return this.target.kind === 'entity' ? [this.target.id] : this.#cells.keys()
  }

  get size(): number {
    return this.#cells.size
  }

  /** Evaluates entities. Undefined: something is not at hand. */
  evaluate(entityIds: Iterable<string>, { source, present }: TrackedView): Evaluation<Result>[] | undefined {
    const evaluations: Evaluation<Result>[] = []
    let isComplete = true
    for (const entityId of entityIds) {
      const observed = new ObservingSource(source, this.target.kind === 'type' ? entityId : undefined)
      const visible = present === undefined ? observed : visibleSource(observed, present, this.grants)
      const entity = visible.entity(entityId)
      const isMeant = entity !== null && (this.target.kind === 'entity' || entity?.type === this.target.type)
      const result = isMeant ? entity && this.compute(entity, visible) : null
      if (result === undefined || !observed.isComplete) isComplete = false
      else evaluations.push({ entityId, result, observed })
    }
    return isComplete ? evaluations : undefined
  }

  /**
   * Takes evaluations over, and tells what has changed. Counts who is used more, or less, into `users`.
   *
   * @throws QError `too_much_state`
   */
  commit(evaluations: readonly Evaluation<Result>[], users: UserCounts): NotifiedChange[] {
    const transitions: Transition<Result>[] = []
    for (const { entityId, result, observed } of evaluations) {
      const before = this.#cells.get(entityId)
      // One entity is looked for also when it is not there; of a type those alone are known that are.
      if (result === null && this.target.kind === 'type') this.#forget(entityId, before, users)
      else this.#keep(entityId, { result, observed }, { before, users })
      transitions.push({ entityId, before: before?.result ?? undefined, after: result ?? undefined })
    }
    if (this.#cells.size > mostTracked) {
      throw new QError('too_much_state', `it follows more than ${mostTracked} entities`, { field: this.field })
    }
    this.#budget.assertKept(this.field)
    return this.take(transitions)
  }

  /** Gives all up. */
  clear(): void {
    const users: UserCounts = { entities: new Map(), children: new Map() }
    for (const [entityId, cell] of this.#cells) this.#forget(entityId, cell, users)
    if (this.target.kind !== 'type') return
    this.#index.deleteType(typeKey(this.target.type), this)
    for (const name of this.#ownNames) this.#index.deleteType(typeFieldKey(this.target.type, name), this)
  }

  /** Counts all that it looks at, times a number. */
  countUsers(users: UserCounts, times: number): void {
    for (const cell of this.#cells.values()) count(users, cell, times)
  }

  /** Has to be called before the first evaluation counts: from then on the index finds what changes. */
  register(): void {
    if (this.target.kind === 'type') this.#index.addType(typeKey(this.target.type), this)
  }

  #keep(
    entityId: string,
    { result, observed }: { result: Result | null; observed: ObservingSource },
    { before, users }: { before: Cell<Result> | undefined; users: UserCounts },
  ): void {
    const keys = observed.keys.size === 0 ? nothing : [...observed.keys]
    const cell = {
      result,
      keys,
      entityIds: [...observed.entityIds],
      parentIds: observed.parentIds.size === 0 ? nothing : [...observed.parentIds],
      bytes: cellBytes + keyBytes * keys.length + (result === null ? 0 : this.bytesOf(result)),
    }
    for (const key of before?.keys ?? nothing) if (!observed.keys.has(key)) this.#index.delete(key, this, entityId)
    for (const key of keys) this.#index.add(key, this, entityId)
    this.#noteOwnNames(observed.ownNames)
    if (before !== undefined) count(users, before, -1)
    count(users, cell, 1)
    this.#budget.take(cell.bytes - (before?.bytes ?? 0))
    this.#cells.set(entityId, cell)
  }

  #forget(entityId: string, cell: Cell<Result> | undefined, users: UserCounts): void {
    if (cell === undefined) return
    for (const key of cell.keys) this.#index.delete(key, this, entityId)
    count(users, cell, -1)
    this.#budget.take(-cell.bytes)
    this.#cells.delete(entityId)
  }

  #noteOwnNames(names: ReadonlySet<string>): void {
    if (this.target.kind !== 'type') return
    for (const name of names) {
      if (this.#ownNames.has(name)) continue
      this.#ownNames.add(name)
      this.#index.addType(typeFieldKey(this.target.type, name), this)
    }
  }
}

function count<Result>(
  users: UserCounts,
  { entityIds, parentIds }: Pick<Cell<Result>, 'entityIds' | 'parentIds'>,
  times: number,
): void {
  for (const id of entityIds) users.entities.set(id, (users.entities.get(id) ?? 0) + times)
  for (const id of parentIds) users.children.set(id, (users.children.get(id) ?? 0) + times)
}
