import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  Membership,
  StructureKind,
  TypeSchemaSchema,
  ValueType,
  type Notification,
  type WatchService,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { stringValue } from './_records.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

type Mutation = NonNullable<Parameters<WrittenStore['commit']>[0]>
type Subscriptions = NonNullable<ConstructorParameters<typeof Watching>[1]['subscriptions']>

let connection: NatsConnection
let store: WrittenStore
let client: Client<typeof WatchService>
let plain: Client<typeof WatchService>
const running = new AsyncDisposableStack()

const schema = (init: object): Mutation => ({ case: 'setSchema', value: { schema: create(TypeSchemaSchema, init) } })
const make = (type: string, entityId: string, parentId = store.rootId): Mutation => ({
  case: 'createEntity',
  value: { type, parentId, name: entityId, entityId },
})
const write = (entityId: string, text: string, field = 'Text'): Mutation => ({
  case: 'writeField',
  value: { entityId, field, value: stringValue(text) },
})
const move = (entityId: string, parentId: string): Mutation => ({ case: 'moveEntity', value: { entityId, parentId } })
const remove = (entityId: string): Mutation => ({ case: 'deleteEntity', value: { entityId } })

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  const fields = ['Text', 'Other'].map((name) => ({ name, valueType: ValueType.STRING }))
  await store.commit(
    schema({ type: 'Area', fields: [] }),
    schema({ type: 'Sheet', fields }),
    schema({ type: 'Vault', permissions: { read: ['keys'] }, fields: [] }),
  )
  await store.commit(
    make('Area', 'a'),
    make('Area', 'a1', 'a'),
    make('Area', 'b'),
    make('Vault', 'v', 'a'),
    ...['x', 'y'].flatMap((id) => [make('Sheet', id, 'a1'), write(id, `text of ${id}`)]),
    make('Sheet', 'z', 'b'),
    make('Sheet', 'hidden', 'v'),
  )
  // The smallest cache, so that where entities are has to be loaded now and then.
  running.use(await startNotifier(store.store, { Q_NOTIFIER_CACHE_BYTES: '1048576' }))
  client = await watchClient(connection, store.store, ['permission:keys'])
  plain = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const within = (rootId: string, type = 'Sheet') => ({ case: 'subtree', value: { rootId, type } }) as const

/** What a stream tells of some commits, one after the other; and that a replay tells the same. */
async function told(subscriptions: Subscriptions, ...commits: Mutation[][]): Promise<unknown[][]> {
  await using watching = new Watching(client, { subscriptions })
  const live = await watching.live()
  const seen = []
  for (const mutations of commits) {
    const revision = await store.commit(...mutations)
    const response = await watching.notifications()
    expect(Number(response.revision)).toBe(revision)
    seen.push(response)
  }
  await using again = new Watching(client, { subscriptions, resumeAfter: BigInt(live) })
  await again.live()
  for (const response of seen) expect(await again.notifications()).toEqual(response)
  return seen.map(({ notifications }) => notifications.map(shown))
}

function shown({ subscriptions, current, previous, membership, event }: Notification): unknown {
  if (event.case === 'structure') return [subscriptions, event.value.entityId, event.value.kinds]
  const of = current ?? previous
  const texts = [previous, current].map((field) => field?.value?.kind.value)
  const word = { [Membership.ENTERED]: 'entered', [Membership.LEFT]: 'left' }[membership as number]
  return [subscriptions, of?.entityId, ...texts, ...(word === undefined ? [] : [word])]
}

describe('a type within a subtree', () => {
  it('is told of writes there, and of nothing elsewhere', async () => {
    const seen = await told(
      [
        { target: within('a'), fields: ['Text'] },
        { target: within('a1'), fields: ['Text', 'Other'] },
      ],
      [write('x', 'one'), write('z', 'elsewhere')],
      [write('z', 'elsewhere again'), write('x', 'both', 'Other')],
    )
    expect(seen).toEqual([[[[0, 1], 'x', 'text of x', 'one']], [[[1], 'x', '', 'both']]])
  })

  it('is told of entities that come, by creation or by a move, and go, by a move or a deletion', async () => {
    const seen = await told(
      [{ target: within('a'), fields: ['Text'] }],
      [make('Sheet', 'n', 'a1'), write('n', 'new')],
      [move('z', 'a1')],
      [move('z', 'b'), write('z', 'on the way')],
      [remove('n')],
    )
    expect(seen).toEqual([
      [[[0], 'n', undefined, 'new', 'entered']],
      [[[0], 'z', undefined, 'elsewhere again', 'entered']],
      [[[0], 'z', 'elsewhere again', undefined, 'left']],
      [[[0], 'n', 'new', undefined, 'left']],
    ])
  })

  it('is told of all that an ancestor takes along, also between two subtrees', async () => {
    const subscriptions = [
      { target: within('a'), fields: ['Text'] },
      { target: within('b'), fields: ['Text'] },
      { target: within(store.rootId), fields: ['Text'] },
    ]
    const seen = await told(subscriptions, [move('a1', 'b')], [write('y', 'in b')], [move('a1', 'a')])
    expect(seen.map((each) => each.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))))).toEqual([
      [
        [[0], 'x', 'one', undefined, 'left'],
        [[0], 'y', 'text of y', undefined, 'left'],
        [[1], 'x', undefined, 'one', 'entered'],
        [[1], 'y', undefined, 'text of y', 'entered'],
      ],
      [[[1, 2], 'y', 'text of y', 'in b']],
      [
        [[0], 'x', undefined, 'one', 'entered'],
        [[0], 'y', undefined, 'in b', 'entered'],
        [[1], 'x', 'one', undefined, 'left'],
        [[1], 'y', 'in b', undefined, 'left'],
      ],
    ])
  })

  it('is told with context and filters, and together with a query', async () => {
    const subscriptions = [
      { target: within('a'), fields: ['Text'], filter: 'current == "wanted"', context: ['Parent->Name'] },
      {
        target: {
          case: 'query',
          value: { source: { case: 'text', value: `SELECT Text FROM Sheet WHERE Text = 'wanted'` } },
        } as const,
      },
    ]
    await using watching = new Watching(client, { subscriptions })
    await watching.live()
    await store.commit(write('x', 'unwanted'))
    const revision = await store.commit(write('x', 'wanted'))
    const response = await watching.notifications()
    expect(Number(response.revision)).toBe(revision)
    expect(response.notifications.map((each) => each.subscriptions)).toEqual([[0], [1]])
    await store.commit(move('a1', 'b'), write('y', 'wanted'))
    expect((await watching.notifications()).notifications.map((each) => each.subscriptions)).toEqual([[1]])
    await store.commit(move('a1', 'a'))
    const back = (await watching.notifications()).notifications.map((each) => [
      ...each.subscriptions,
      each.current?.entityId,
    ])
    expect(back).toEqual([
      [0, 'x'],
      [0, 'y'],
    ])
  })

  it('is told of structure, of any type too', async () => {
    const structure = [StructureKind.CREATED, StructureKind.DELETED, StructureKind.MOVED, StructureKind.RENAMED]
    const seen = await told(
      [
        { target: within('a', ''), structure },
        { target: within('a'), structure: [StructureKind.MOVED] },
      ],
      [make('Area', 'a2', 'a1')],
      [move('x', 'a2'), move('a2', 'a')],
      [move('a2', 'b')],
      [make('Sheet', 'last', 'a'), remove('a2')],
    )
    const { CREATED, MOVED } = StructureKind
    expect(seen).toEqual([
      [[[0], 'a2', [CREATED]]],
      [
        [[0, 1], 'x', [MOVED]],
        [[0], 'a2', [MOVED]],
      ],
      [[[0], 'a2', [MOVED]]],
      [[[0], 'last', [CREATED]]],
    ])
  })

  it('does not tell what lies below something that may not be seen', async () => {
    await using watching = new Watching(plain, { subscriptions: [{ target: within('a'), fields: ['Text'] }] })
    await using seeing = new Watching(client, { subscriptions: [{ target: within('a'), fields: ['Text'] }] })
    await Promise.all([watching.live(), seeing.live()])
    const first = await store.commit(write('hidden', 'secret'))
    const second = await store.commit(write('y', 'open'))
    expect(Number((await seeing.notifications()).revision)).toBe(first)
    expect(Number((await watching.notifications()).revision)).toBe(second)
  })

  it.each([
    [{ target: within('nobody'), fields: ['Text'] }, 'unknown_entity', 'subscriptions[0].subtree.root_id'],
    [{ target: within('a', 'Nothing'), fields: ['Text'] }, 'unknown_type', 'subscriptions[0].subtree.type'],
    [{ target: within('a'), fields: ['Nothing'] }, 'unknown_field', 'subscriptions[0].fields[0]'],
    [{ target: within('a', ''), fields: ['Text'] }, 'invalid_request', 'subscriptions[0].subtree.type'],
    [{ target: within('a'), fields: ['Parent->Name'] }, 'invalid_request', 'subscriptions[0].fields[0]'],
  ])('that makes no sense is refused (%#)', async (subscription, code, field) => {
    await using watching = new Watching(client, { subscriptions: [subscription] })
    await expect(watching.next()).rejects.toMatchObject({ code, field })
  })
})
