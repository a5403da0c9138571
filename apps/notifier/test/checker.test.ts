import { randomInt } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  Membership,
  StructureKind,
  SubscriptionSchema,
  SubtreeSelectionSchema,
  Trigger,
  ValueSchema,
  ValueType,
  type Field,
  type Notification,
  type Subscription,
  type Value,
  type WatchService,
} from '@qcore/contracts'
import { loadLogAfter } from '@qcore/database'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { stringValue, subscription } from './_records.ts'
import { ReferenceStore, shownField, shownStructure, type Seen } from './_reference-store.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

type MutationInit = NonNullable<Parameters<WrittenStore['commit']>[0]>

const commitCount = 300
const inFlight = 6

let connection: NatsConnection
let store: WrittenStore
let client: Client<typeof WatchService>
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  await store.commit(setSchema('Site', { Title: ValueType.STRING }), setSchema('Tank', tankFields))
  for (const id of ['s0', 's1', 's2']) await store.commit(createSite(id))
  for (const id of ['t0', 't1', 't2', 't3']) await store.commit(createTank(id, 's0'))
  // The smallest cache, so that context is loaded again and again.
  running.use(await startNotifier(store.store, { Q_NOTIFIER_CACHE_BYTES: '1048576' }))
  client = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const tankFields: Record<string, ValueType> = {
  Level: ValueType.INT,
  Note: ValueType.STRING,
  Site: ValueType.ENTITY_REFERENCE,
  Peers: ValueType.ENTITY_LIST,
}

function setSchema(type: string, fields: Record<string, ValueType>): MutationInit {
  const definitions = Object.entries(fields).map(([name, valueType]) => ({ name, valueType }))
  return { case: 'setSchema', value: { schema: { type, fields: definitions } } }
}

function createSite(id: string): MutationInit {
  return { case: 'createEntity', value: { type: 'Site', parentId: store.rootId, name: `site ${id}`, entityId: id } }
}

function createTank(id: string, parentId: string): MutationInit {
  return { case: 'createEntity', value: { type: 'Tank', parentId, name: `tank ${id}`, entityId: id } }
}

function write(entityId: string, field: string, kind: Value['kind']): MutationInit {
  return { case: 'writeField', value: { entityId, field, value: create(ValueSchema, { kind }) } }
}

function pick<T>(from: readonly T[]): T {
  const picked = from[randomInt(from.length)]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}

/** A change at random. Some are refused, for what they name is not there at the moment. */
function randomMutation(): MutationInit {
  const tank = `t${randomInt(8)}`
  const site = `s${randomInt(4)}`
  switch (randomInt(16)) {
    case 0:
      return createTank(tank, site)
    case 1:
      return { case: 'deleteEntity', value: { entityId: tank } }
    case 2:
      return createSite(site)
    case 3:
      return randomInt(3) === 0 ? { case: 'deleteEntity', value: { entityId: site } } : createSite(site)
    case 4:
    case 5:
      return write(site, 'Title', stringValue(`title ${randomInt(5)}`).kind)
    case 6:
      return write(tank, 'Site', { case: 'entityReference', value: site })
    case 7: {
      const ids = [...new Set([`t${randomInt(8)}`, `t${randomInt(8)}`])]
      return write(tank, 'Peers', create(ValueSchema, { kind: { case: 'entityList', value: { entityIds: ids } } }).kind)
    }
    case 8:
      return write(tank, 'Note', stringValue('x'.repeat(randomInt(200))).kind)
    case 9:
      return randomInt(10) === 0
        ? setSchema('Tank', { ...tankFields, [`Extra${randomInt(1_000)}`]: ValueType.STRING })
        : write(tank, 'Level', { case: 'int', value: 0n })
    case 10:
      return { case: 'moveEntity', value: { entityId: pick([tank, site]), parentId: `s${randomInt(4)}` } }
    case 11:
      return { case: 'renameEntity', value: { entityId: tank, name: `tank ${randomInt(9)}` } }
    default:
      return write(tank, 'Level', { case: 'int', value: BigInt(randomInt(3)) })
  }
}

/** Makes so many commits, several at a time; gives the last revision. */
async function commitAtRandom(): Promise<number> {
  const revisions: number[] = []
  const work = async (): Promise<void> => {
    while (revisions.length < commitCount) {
      const mutations = Array.from({ length: randomInt(3) === 0 ? 3 : 1 }, randomMutation)
      const revision = await store.commit(...mutations).catch(() => undefined)
      if (revision !== undefined) revisions.push(revision)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return Math.max(...revisions)
}

const contexts = [
  [],
  ['Name', 'Level'],
  ['Site->Title', 'Parent->Title', 'Parent->Name'],
  ['Peers->0->Level', 'Peers->1->Site->Title'],
  ['Parent->Children->0->Level', 'Site->Children->1->Name', 'Absent'],
]

const kinds = [StructureKind.CREATED, StructureKind.DELETED, StructureKind.MOVED, StructureKind.RENAMED]

function randomSubscriptions(): Subscription[] {
  return Array.from({ length: 1 + randomInt(6) }, () => {
    const fields = pick([['Level'], ['Level', 'Note'], ['Site', 'Peers'], ['Level', 'Note', 'Site', 'Peers']])
    const target = randomInt(2) === 0 ? { entityType: 'Tank' } : { entityId: `t${randomInt(4)}` }
    const trigger = pick([Trigger.UNSPECIFIED, Trigger.WRITE])
    const structure = pick([[], [], kinds, [StructureKind.MOVED], [StructureKind.RENAMED, StructureKind.DELETED]])
    const filter = structure.length > 0 ? '' : pick(['', '', 'current == 1 || previous == 1', 'current > 0'])
    const rest = { trigger, context: pick(contexts), filter, structure }
    if (randomInt(3) === 0) {
      const value = create(SubtreeSelectionSchema, { rootId: pick(['s0', 's1', store.rootId]), type: 'Tank' })
      return create(SubscriptionSchema, { ...rest, structure: [], target: { case: 'subtree', value }, fields })
    }
    return create(SubscriptionSchema, subscription(target, pick([fields, structure.length > 0 ? [] : fields]), rest))
  })
}

/** A subscriber that leaves and comes back at random. It keeps, by revision, all that it was told. */
class Subscriber {
  readonly subscriptions = randomSubscriptions()
  readonly told = new Map<number, Seen[]>()
  firstRevision = 0
  resumes = 0

  /** Subscribes for the first time. */
  async begin(): Promise<void> {
    await using watching = new Watching(client, { subscriptions: this.subscriptions })
    this.firstRevision = await watching.live()
  }

  async follow(isDone: (reached: number) => boolean): Promise<void> {
    let reached = this.firstRevision
    while (!isDone(reached)) {
      // Sometimes from further back: what was told then must be told again.
      const back = randomInt(4) === 0 ? randomInt(40) : 0
      reached = await this.#followFor(1 + randomInt(25), Math.max(this.firstRevision, reached - back), isDone)
      this.resumes++
    }
  }

  async #followFor(steps: number, after: number, isDone: (reached: number) => boolean): Promise<number> {
    await using watching = new Watching(client, { subscriptions: this.subscriptions, resumeAfter: BigInt(after) })
    let reached = await watching.live()
    expect(reached).toBe(after)
    let parts: Notification[] = []
    for (let step = 0; step < steps && !isDone(reached);) {
      const event = await watching.next()
      if (event.case === 'progress') {
        expect(parts).toEqual([])
        expect(Number(event.value.revision)).toBeGreaterThan(reached)
        reached = Number(event.value.revision)
        step++
      } else if (event.case === 'notifications') {
        const revision = Number(event.value.revision)
        expect(revision).toBeGreaterThan(reached)
        parts.push(...event.value.notifications)
        if (event.value.more) continue
        const seen = parts.map(seenNotification)
        if (this.told.has(revision)) expect(seen).toEqual(this.told.get(revision))
        this.told.set(revision, seen)
        parts = []
        reached = revision
        step++
      }
    }
    return reached
  }
}

function seenNotification({ subscriptions, current, previous, context, event, membership }: Notification): Seen {
  const told =
    event.case === 'structure'
      ? shownStructure(event.value.kinds, event.value.entityId, event.value)
      : {
          entityId: (current ?? previous)?.entityId ?? '',
          name: (current ?? previous)?.name ?? '',
          current: current && seenField(current),
          previous: previous && seenField(previous),
        }
  return {
    subscriptions: [...subscriptions],
    ...told,
    ...(membership === Membership.UNSPECIFIED ? {} : { membership }),
    context: context.map(({ outcome }) => {
      if (outcome.case === 'problem') return outcome.value.code
      return outcome.value && seenField(outcome.value)
    }),
  }
}

function seenField({ entityId, name, value, revision, writer, writeTime }: Field): unknown {
  return shownField(entityId, name, { value, revision, writer, time: writeTime })
}

it('tells every subscriber exactly what the log says, wherever it resumes', { timeout: 90_000 }, async () => {
  const end = { revision: Infinity }
  const isDone = (reached: number): boolean => reached >= end.revision
  const subscribers = Array.from({ length: 6 }, () => new Subscriber())
  await Promise.all(subscribers.map((subscriber) => subscriber.begin()))
  const following = Promise.all(subscribers.map((subscriber) => subscriber.follow(isDone)))
  following.catch(() => undefined)
  end.revision = await commitAtRandom()
  // Those who wait learn that they are done.
  await store.commit(createSite('end'))
  await following

  const reference = new ReferenceStore()
  const records = await loadLogAfter(store.pool, 0, 100_000)
  expect(records.length).toBeGreaterThanOrEqual(commitCount)
  for (const record of records) {
    const revision = Number(record.revision)
    const expected = reference.apply(
      record,
      subscribers.map(({ subscriptions }) => subscriptions),
    )
    for (const [index, subscriber] of subscribers.entries()) {
      if (revision <= subscriber.firstRevision || revision > end.revision) continue
      expect(sorted(subscriber.told.get(revision) ?? []), `subscriber ${index} at ${revision}`).toEqual(
        sorted(expected[index] ?? []),
      )
    }
  }
  // How often a single one leaves is a matter of chance; all of them together leave often.
  expect(subscribers.reduce((sum, { resumes }) => sum + resumes, 0)).toBeGreaterThan(subscribers.length)
  expect(subscribers.reduce((sum, { told }) => sum + told.size, 0)).toBeGreaterThan(subscribers.length)
})

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The order of changes of different kinds, and of contexts within a change, is checked elsewhere, or not part of the contract. */
function sorted(seen: readonly Seen[]): Seen[] {
  return seen.toSorted(
    (a, b) =>
      order(a.entityId, b.entityId) || order(a.name, b.name) || (a.subscriptions[0] ?? 0) - (b.subscriptions[0] ?? 0),
  )
}
