import { create } from '@bufbuild/protobuf'
import { NotificationSchema, type QueriedEntity, type QueryChange } from '@qcore/contracts'
import { allGrants } from '@qcore/model'
import { checkQuery, compareOrdered, evaluate, orderKeys, parseQuery, valueAt, type CheckedQuery } from '@qcore/query'
import type { LogRecord } from '@qcore/replica'
import { describe, expect, it } from 'vitest'
import { FoldedResult } from '../../test/_folded-result.ts'
import { randomOf, RandomStore } from '../../test/_random-store.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import { DependencyIndex } from './dependency-index.ts'
import { QueryTracker } from './query-tracker.ts'
import { StateBudget } from './state-budget.ts'
import { StreamTrackers } from './stream-trackers.ts'
import { TrackedEntities } from './tracked-entities.ts'
import type { Tracker } from './tracker.ts'

const conditions = [
  '',
  `WHERE Status = 'on'`,
  `WHERE Level >= 2 AND Status STARTS WITH 'on'`,
  `WHERE NOT (Level IN (1, 3)) OR Weight > 0`,
  `WHERE Site->Open = true`,
  `WHERE Site->Chief->Level > 1 OR Status = 'off'`,
  `WHERE NOT (Site->Title CONTAINS 'off') AND EXISTS Site`,
  `WHERE Parent->Open = false OR Peers->0->Status = 'on'`,
  `WHERE Parent->Name = 'name 1' OR Peers CONTAINS 'd3'`,
  `WHERE EXISTS Peers->1->Site->Title OR Name = 'name 2'`,
]
const orders = [
  '',
  'ORDER BY Level',
  'ORDER BY Level DESC, Weight',
  'ORDER BY Site->Title DESC',
  'ORDER BY Weight DESC, Name',
]
const selections = [
  '*',
  'Status, Site->Title',
  'Name, Parent->Name, Level',
  'Peers->0->Level',
  'Site->Chief->Level, Weight',
]
const limits = ['', '', 'LIMIT 1', 'LIMIT 3']

interface Followed {
  readonly tracker: QueryTracker
  readonly text: string
  readonly checked: CheckedQuery
  readonly everyWrite: boolean
  readonly folded: FoldedResult
}

/** A store that changes, and queries of it that are followed as streams do. */
class Following {
  readonly store: RandomStore
  readonly #index = new DependencyIndex<Tracker>()
  readonly #budget = new StateBudget(1_000_000_000)
  readonly #kept: TrackedEntities
  readonly #trackers: StreamTrackers
  readonly followed: Followed[]
  /** How often something was not at hand. */
  behind = 0

  constructor(random: (below: number) => number, queries: number) {
    this.store = new RandomStore(random)
    this.store.commit(30)
    this.#kept = new TrackedEntities((name) => this.store.type(name), this.#budget)
    const pick = (from: readonly string[]): string => from[random(from.length)] ?? ''
    this.followed = Array.from({ length: queries }, (_, position) => {
      const text = ['SELECT', pick(selections), 'FROM Device', pick(conditions), pick(orders), pick(limits)].join(' ')
      const everyWrite = random(2) === 0
      const tracker = new QueryTracker(
        { query: parseQuery(text), position, everyWrite, isInitial: true },
        { target: { kind: 'type', type: 'Device' }, context: { paths: [], grants: allGrants, key: '' }, field: '' },
        { index: this.#index, budget: this.#budget },
      )
      const checked = checkQuery(parseQuery(text), this.store.types)
      return { tracker, text, checked, everyWrite, folded: new FoldedResult() }
    })
    this.#trackers = new StreamTrackers(this.followed.map(({ tracker }) => tracker))
    this.#begin()
  }

  get keptBytes(): number {
    return this.#budget.usedBytes
  }

  #begin(): void {
    const ids = this.store.ofType('Device').map(({ id }) => id)
    for (const { tracker } of this.followed) {
      tracker.check(this.store.types, this.store.types)
      tracker.register()
    }
    const all = new Map(this.followed.map(({ tracker }) => [tracker as Tracker, ids]))
    this.#trackers.step(all, { source: this.store, present: this.store.types })
    this.#trackers.settle(this.#kept, this.store)
    for (const { tracker, folded } of this.followed) for (const each of tracker.initial()) folded.apply(told(each))
  }

  take(record: LogRecord): void {
    this.#kept.apply(record, (type) => this.#index.watchesType(type))
    const affected = this.#index.affected(record, () => true)
    const present = this.store.types
    let changes = this.#trackers.step(affected, { source: this.#kept, present })
    if (changes === undefined) {
      // As a replay does, with all of the revision at hand.
      this.behind += 1
      changes = this.#trackers.step(affected, { source: this.store, present })
      this.#trackers.settle(this.#kept, this.store)
    } else this.#trackers.settle(this.#kept, this.#kept)
    for (const { tracker, change } of changes ?? []) {
      this.followed.find((each) => each.tracker === tracker)?.folded.apply(told(change))
    }
  }

  close(): void {
    this.#trackers.close()
  }
}

function told(change: NotifiedChange): QueryChange {
  const message = create(NotificationSchema)
  change.fill(message, allGrants, { present: undefined, typeThen: () => undefined })
  if (message.event.case !== 'query') throw new Error('this is no change of a result')
  return message.event.value
}

/** What a subscriber sees of an entity of a result. */
interface Shown {
  readonly id: string
  readonly name: string
  readonly parentId: string
  readonly columns: readonly unknown[]
}

/** What running a query finds: every entity is looked at. */
function run(query: CheckedQuery, store: RandomStore, withRevisions: boolean): Shown[] {
  const { where, order, select, limit } = query
  const found = store
    .ofType('Device')
    .filter((entity) => where === undefined || evaluate(where, entity, store) === true)
    .map((entity) => ({ id: entity.id, keys: orderKeys(order, entity, store) ?? [], entity }))
    .sort((a, b) => compareOrdered(order, a, b))
  return found.slice(0, limit === 0 ? found.length : limit).map(({ entity }) => {
    const columns = select.map((path) => {
      const at = valueAt(path, entity, store)
      if (!at) return 'nowhere'
      const state = at.field === undefined ? undefined : at.entity.fields[at.field.position]
      const ownRevision = path.name === 'Children' ? 0 : at.entity.structureRevision
      return [shownValue(at.value), ...(withRevisions ? [state?.revision ?? ownRevision] : [])]
    })
    const { id, name, parentId } = entity
    return { id, name, parentId, columns }
  })
}

/** The same of what was folded. */
function shown({ entity, fields }: QueriedEntity, withRevisions: boolean): Shown {
  const columns = fields.map(({ outcome }) => {
    if (outcome.case !== 'field') return 'nowhere'
    const kind = outcome.value.value?.kind
    const value = kind?.case === 'entityList' ? kind.value.entityIds : kind?.value
    return [shownValue(value), ...(withRevisions ? [Number(outcome.value.revision)] : [])]
  })
  return { id: entity?.id ?? '', name: entity?.name ?? '', parentId: entity?.parentId ?? '', columns }
}

/** 0 and -0 are the same number, and so are all that are none. */
function shownValue(value: unknown): string {
  return Array.isArray(value) ? value.join() : String(value)
}

/** Follows queries through so many commits of so many operations, and compares what was folded after each. */
function follow(
  seed: number,
  { commits, operations, queries }: { commits: number; operations: number; queries: number },
) {
  const random = randomOf(seed)
  const following = new Following(random, queries)
  const compare = (): void => {
    for (const { text, checked, everyWrite, folded } of following.followed) {
      const expected = run(checked, following.store, everyWrite)
      const seen = folded.entities.map((entity) => shown(entity, everyWrite))
      if (JSON.stringify(seen) === JSON.stringify(expected)) continue
      expect(seen, `seed ${seed}, revision ${following.store.revision}: ${text}`).toEqual(expected)
    }
  }
  compare()
  for (let count = 0; count < commits; count++) {
    following.take(following.store.commit(1 + random(2 * operations - 1)))
    compare()
  }
  return following
}

/** How many operations all runs have together, on average; each run is of another store with other queries. */
const allOperations = 1_000_000
const size = { commits: 400, operations: 16, queries: 2 }
const seeds = Array.from({ length: Math.ceil(allOperations / (size.commits * size.operations)) }, (_, seed) => seed)

describe('folding the changes of a query', () => {
  it('gives what running it finds, over a million operations at random', { timeout: 600_000 }, () => {
    let behind = 0
    for (const seed of seeds) behind += follow(seed, size).behind
    // Most commits find everything at hand, and some do not: both are tried.
    expect(behind).toBeGreaterThan(500)
    expect(behind).toBeLessThan((seeds.length * size.commits) / 2)
  })

  it('keeps nothing when it is over', () => {
    const following = follow(7, size)
    expect(following.keptBytes).toBeGreaterThan(0)
    following.close()
    expect(following.keptBytes).toBe(0)
  })
})
