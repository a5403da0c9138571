import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { SchemaChanged } from '@qcore/contracts'
import { typeOfChange, type EntitySource, type PresentTypes } from '@qcore/replica'
import type { PastEntities } from '../context-fields/past-entities.ts'
import { lostFields } from '../match/lost-fields.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import { loadTypeEntities } from '../sql/load-type-entities.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import type { TrackedEntities } from './tracked-entities.ts'
import { mostTracked, type Evaluation, type TrackedView, type Tracker, type UserCounts } from './tracker.ts'

/** Something to tell of, and who found it. */
export interface TrackedChange {
  readonly tracker: Tracker
  readonly change: NotifiedChange
}

/** The trackers of a stream, which go from revision to revision together. */
export class StreamTrackers {
  readonly trackers: readonly Tracker[]
  /** Whether they are told of commits as they are applied; otherwise by a replay. */
  isLive = false
  /** Users of entities that `settle` will tell the store of. */
  #users: UserCounts = noUsers()
  /** Where they have users. */
  #store: TrackedEntities | undefined

  constructor(trackers: readonly Tracker[]) {
    this.trackers = trackers
  }

  /**
   * Evaluates everything at the revision of some entities.
   *
   * @throws QError what the checks of queries throw; `too_much_state`, `compacted`, `unavailable`
   */
  async build(entities: PastEntities, present: PresentTypes, pool: Executor): Promise<void> {
    const types = await entities.types()
    const idsOf = new Map<Tracker, Set<string>>()
    for (const tracker of this.trackers) {
      tracker.check(types, present)
      tracker.register()
      const ids = tracker.target.kind === 'entity' ? [tracker.target.id] : await this.#idsOf(tracker, entities, pool)
      idsOf.set(tracker, new Set(ids))
    }
    await entities.prefetch(new Set([...idsOf.values()].flatMap((ids) => [...ids])))
    await entities.attempt((source) => this.step(idsOf, { source, present }))
  }

  /** What the stream begins with; undefined: nothing was asked for. */
  get initial(): TrackedChange[] {
    return this.trackers.flatMap((tracker) => tracker.initial().map((change) => ({ tracker, change })))
  }

  /**
   * Evaluates again what a commit may have changed. Undefined: something is not at hand, and nothing was taken over.
   *
   * @throws QError `too_much_state`
   */
  step(affected: ReadonlyMap<Tracker, Iterable<string>>, view: TrackedView): TrackedChange[] | undefined {
    const evaluated: [Tracker, Evaluation<unknown>[]][] = []
    let isComplete = true
    // In the order of the subscriptions, whoever was found first.
    for (const tracker of this.trackers) {
      const ids = affected.get(tracker)
      if (ids === undefined) continue
      const evaluations = tracker.evaluate(sorted(ids), view)
      if (evaluations === undefined) isComplete = false
      else evaluated.push([tracker, evaluations])
    }
    if (!isComplete) return undefined
    return evaluated.flatMap(([tracker, evaluations]) =>
      tracker.commit(evaluations, this.#users).map((change) => ({ tracker, change })),
    )
  }

  /** Whether a change of a schema may concern any. */
  dependOn(change: SchemaChanged): boolean {
    const type = typeOfChange(change)
    return this.trackers.some((tracker) => tracker.dependsOnType(type))
  }

  /** Why they cannot go on after a change of a schema. */
  lossBy(change: SchemaChanged, revision: number): StreamEnd | undefined {
    const lost = lostFields(change)
    for (const tracker of this.trackers) {
      if (lost.size === 0 || !tracker.dependsOnType(typeOfChange(change))) continue
      const name = [...tracker.names].find((each) => lost.has(each))
      if (name === undefined) continue
      return {
        code: 'schema_changed',
        message: `the field ${name} of ${typeOfChange(change)} ${lost.get(name)} by revision ${revision}`,
        field: tracker.field,
        metadata: { field_name: name, revision: `${revision}` },
      }
    }
    return undefined
  }

  /**
   * Tells the store what they look at more, or less, since the last time, and what they have looked at.
   *
   * @param known has the entities of the same revision
   */
  settle(store: TrackedEntities, known: EntitySource): void {
    for (const [id, users] of this.#users.entities) store.keepEntity(id, users, known.entity(id))
    for (const [id, users] of this.#users.children) store.keepChildren(id, users, known.children(id))
    this.#users = noUsers()
    this.#store = store
  }

  /** Gives everything up. */
  close(): void {
    this.isLive = false
    const store = this.#store
    if (store !== undefined) {
      // The store knows of all that they look at, but for what was counted since.
      for (const tracker of this.trackers) tracker.countUsers(this.#users, -1)
      for (const [id, users] of this.#users.entities) store.keepEntity(id, users, undefined)
      for (const [id, users] of this.#users.children) store.keepChildren(id, users, undefined)
    }
    for (const tracker of this.trackers) tracker.clear()
  }

  async #idsOf({ target, field }: Tracker, { revision }: PastEntities, pool: Executor): Promise<string[]> {
    const type = target.kind === 'type' ? target.type : ''
    const ids = await readDatabase(loadTypeEntities(pool, type, { revision, limit: mostTracked + 1 }))
    if (ids.length <= mostTracked) return ids
    throw new QError('too_much_state', `the type ${type} has more than ${mostTracked} entities`, { field })
  }
}

/** A fixed order, so that a replay tells what was told live in the same words. */
function sorted(ids: Iterable<string>): string[] {
  return [...ids].sort()
}

function noUsers(): UserCounts {
  return { entities: new Map(), children: new Map() }
}
