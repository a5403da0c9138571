import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  ChildOrder,
  StructureKind,
  TypeSchemaSchema,
  ValueSchema,
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
const write = (entityId: string, field: string, text: string): Mutation => ({
  case: 'writeField',
  value: { entityId, field, value: stringValue(text) },
})

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  await store.commit(
    schema({ type: 'Binder', childOrder: ChildOrder.EXPLICIT, fields: [] }),
    schema({
      type: 'Sheet',
      fields: [
        { name: 'Text', valueType: ValueType.STRING },
        { name: 'Size', valueType: ValueType.INT },
      ],
    }),
    schema({ type: 'Vault', permissions: { read: ['keys'] }, fields: [] }),
  )
  await store.commit(make('Binder', 'f1'), make('Binder', 'f2'), make('Sheet', 'p1', 'f1'), make('Sheet', 'p2', 'f1'))
  running.use(await startNotifier(store.store))
  client = await watchClient(connection, store.store, ['permission:keys'])
  plain = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const entity = (value: string) => ({ case: 'entityId', value }) as const
const type = (value: string) => ({ case: 'entityType', value }) as const

/** What a stream tells of one commit; and that a replay tells the same. */
async function told(subscriptions: Subscriptions, commit: () => Promise<number>): Promise<Notification[]> {
  await using watching = new Watching(client, { subscriptions })
  const live = await watching.live()
  const revision = await commit()
  const seen = await watching.notifications()
  expect(Number(seen.revision)).toBe(revision)
  await using again = new Watching(client, { subscriptions, resumeAfter: BigInt(live) })
  await again.live()
  expect(await again.notifications()).toEqual(seen)
  return seen.notifications
}

const shown = ({ event }: Notification): unknown => {
  if (event.case !== 'structure') return event.case
  const { kinds, entityId, current, previous } = event.value
  const place = (of: typeof current): string | undefined => of && `${of.parentId}/${of.name}`
  return [kinds, entityId, place(previous), place(current)]
}

describe('structure', () => {
  it('is told of an entity: renamed, moved, or both at once, and deleted', async () => {
    const structure = [StructureKind.RENAMED, StructureKind.MOVED, StructureKind.DELETED]
    await store.commit(make('Sheet', 'wanderer'))
    const moved = await told([{ target: entity('wanderer'), structure }], () =>
      store.commit(
        { case: 'renameEntity', value: { entityId: 'wanderer', name: 'other' } },
        { case: 'moveEntity', value: { entityId: 'wanderer', parentId: 'f2' } },
      ),
    )
    const both = [StructureKind.MOVED, StructureKind.RENAMED]
    expect(moved.map(shown)).toEqual([[both, 'wanderer', `${store.rootId}/wanderer`, 'f2/other']])
    const gone = await told([{ target: type('Sheet'), structure }], () =>
      store.commit({ case: 'deleteEntity', value: { entityId: 'wanderer' } }),
    )
    expect(gone.map(shown)).toEqual([[[StructureKind.DELETED], 'wanderer', 'f2/other', undefined]])
  })

  it('and fields of a created entity come together, structure first', async () => {
    const subscriptions = [{ target: type('Sheet'), fields: ['Text'], structure: [StructureKind.CREATED] }]
    const seen = await told(subscriptions, () => store.commit(make('Sheet', 'new', 'f1'), write('new', 'Text', 'a')))
    expect(seen.map((each) => each.current?.name ?? shown(each))).toEqual([
      [[StructureKind.CREATED], 'new', undefined, 'f1/new'],
      'Text',
    ])
  })

  it('tells the parent whose children have another order, and which child has another place', async () => {
    const subscriptions = [{ target: entity('f1'), structure: [StructureKind.CHILDREN_REORDERED] }]
    const seen = await told(subscriptions, () =>
      store.commit({ case: 'moveEntity', value: { entityId: 'p2', beforeId: 'p1' } }),
    )
    expect(seen.map(shown)).toEqual([[[StructureKind.CHILDREN_REORDERED], 'f1', 'f1/p2', 'f1/p2']])
  })

  it('of hidden entities is not told', async () => {
    const watched = [{ target: entity('f2'), fields: [], structure: [StructureKind.CHILDREN_REORDERED] }]
    await store.commit(make('Vault', 'v1', 'f2'), make('Vault', 'v2', 'f2'), make('Sheet', 'p3', 'f2'))
    await using watching = new Watching(plain, { subscriptions: watched })
    await watching.live()
    await store.commit({ case: 'moveEntity', value: { entityId: 'v2', beforeId: 'v1' } })
    const last = await store.commit({ case: 'moveEntity', value: { entityId: 'p3', beforeId: 'v2' } })
    expect(Number((await watching.notifications()).revision)).toBe(last)
    await using refused = new Watching(plain, {
      subscriptions: [{ target: type('Vault'), structure: [StructureKind.CREATED] }],
    })
    await expect(refused.next()).rejects.toMatchObject({ code: 'unknown_type' })
  })
})

describe('schemas', () => {
  it('are told when they are created, changed and deleted', async () => {
    const subscriptions: Subscriptions = [
      { target: { case: 'schemas', value: { type: 'Note' } } },
      { target: { case: 'schemas', value: {} } },
    ]
    const fields = [{ name: 'Text', valueType: ValueType.STRING }]
    const names = ({ subscriptions: positions, event }: Notification): unknown => {
      if (event.case !== 'schema') return event.case
      const { current, previous } = event.value
      return [positions, previous?.fields.map(({ name }) => name), current?.fields.map(({ name }) => name)]
    }
    const created = await told(subscriptions, () => store.commit(schema({ type: 'Note', fields })))
    expect(created.map(names)).toEqual([[[0, 1], undefined, ['Text']]])
    const altered = await told(subscriptions, () =>
      store.commit({
        case: 'alterType',
        value: { type: 'Note', steps: [{ kind: { case: 'renameField', value: { field: 'Text', name: 'Body' } } }] },
      }),
    )
    expect(altered.map(names)).toEqual([[[0, 1], ['Text'], ['Body']]])
    const deleted = await told(subscriptions, () => store.commit({ case: 'deleteType', value: { type: 'Note' } }))
    expect(deleted.map(names)).toEqual([[[0, 1], ['Body'], undefined]])
  })

  it('are told without what may not be seen, and not at all when only that changes', async () => {
    const open = { name: 'Open', valueType: ValueType.STRING }
    const hidden = { name: 'Hidden', valueType: ValueType.STRING, permissions: { read: ['keys'] } }
    await store.commit(schema({ type: 'Mixed', fields: [open, hidden] }))
    await using watching = new Watching(plain, { subscriptions: [{ target: { case: 'schemas', value: {} } }] })
    await watching.live()
    await store.commit(schema({ type: 'Mixed', fields: [open, { ...hidden, description: 'changed' }] }))
    await store.commit(schema({ type: 'Vault', permissions: { read: ['keys'] }, description: 'x', fields: [] }))
    const last = await store.commit(schema({ type: 'Mixed', fields: [{ ...open, description: 'seen' }, hidden] }))
    const { revision, notifications } = await watching.notifications()
    expect(Number(revision)).toBe(last)
    const [only] = notifications
    if (only?.event.case !== 'schema') throw new Error('no change of a schema')
    const { current, previous } = only.event.value
    expect([current, previous].map((each) => each?.fields.map(({ name }) => name))).toEqual([['Open'], ['Open']])
  })
})

describe('a filter', () => {
  it('lets pass what it holds of: current, previous, context, the name of the field', async () => {
    const size = (to: bigint): Mutation => {
      return {
        case: 'writeField',
        value: { entityId: 'p1', field: 'Size', value: create(ValueSchema, { kind: { case: 'int', value: to } }) },
      }
    }
    const filters = [
      'current > 5 && previous <= 5',
      'field == "Size" && context["Text"] == "yes"',
      'current > 5 || context["Parent->Parent->Parent->Name"] == null',
    ]
    const context = ['Text', 'Parent->Parent->Parent->Name']
    const subscriptions = filters.map((filter) => ({ target: entity('p1'), fields: ['Size'], context, filter }))
    const positions = async (...commit: Mutation[]): Promise<number[]> =>
      (await told(subscriptions, () => store.commit(...commit))).flatMap((each) => each.subscriptions)
    expect(await positions(size(6n))).toEqual([0, 2])
    expect(await positions(size(7n), write('p1', 'Text', 'yes'))).toEqual([1, 2])
    expect(await positions(size(3n))).toEqual([1, 2])
  })

  it('that lets nothing pass is silent, and progress goes on', async () => {
    const subscriptions = [{ target: entity('p2'), fields: ['Text'], filter: 'current == "never"' }]
    await using watching = new Watching(client, { subscriptions })
    await watching.live()
    const revision = await store.commit(write('p2', 'Text', 'something'))
    for (;;) {
      const event = await watching.next()
      expect(event.case).toBe('progress')
      if (event.case === 'progress' && Number(event.value.revision) >= revision) break
    }
  })

  it('that fails is told, with the notification', async () => {
    const filters = ['current + 1 > 2', 'current', '[1, 2].all(x, x > 0)', heavy]
    const subscriptions = filters.map((filter) => ({ target: entity('p2'), fields: ['Text'], filter }))
    const seen = await told(subscriptions, () => store.commit(write('p2', 'Text', 'x'.repeat(2_000))))
    const problems = seen.map(({ subscriptions: [position], filterProblem }) => [position, filterProblem?.code])
    expect(problems).toEqual([
      [0, 'expression_failed'],
      [1, 'expression_failed'],
      [2, undefined],
      [3, 'expression_too_costly'],
    ])
  })

  it('of structure sees entities', async () => {
    const filter = 'current != null && current.parent_id == "f2" && previous == null'
    const subscriptions = [{ target: type('Sheet'), structure: [StructureKind.CREATED, StructureKind.DELETED], filter }]
    const seen = await told(subscriptions, () =>
      store.commit(make('Sheet', 'in-f1', 'f1'), make('Sheet', 'in-f2', 'f2')),
    )
    expect(seen.map(shown)).toEqual([[[StructureKind.CREATED], 'in-f2', undefined, 'f2/in-f2']])
  })
})

const heavy = 'current.split("").all(a, current.split("").all(b, a == b))'

it.each([
  [{ target: type('Sheet') }, 'invalid_request', 'subscriptions[0].fields'],
  [
    { target: type('Sheet'), structure: [StructureKind.CHILDREN_REORDERED] },
    'invalid_request',
    'subscriptions[0].structure',
  ],
  [{ target: type('Sheet'), structure: [0] }, 'invalid_request', 'subscriptions[0].structure[0]'],
  [{ target: { case: 'schemas', value: {} }, fields: ['Text'] }, 'invalid_request', 'subscriptions[0].fields'],
  [{ target: type('Sheet'), fields: ['Text'], filter: 'currant > 1' }, 'invalid_expression', 'subscriptions[0].filter'],
  [{ target: type('Sheet'), fields: ['Text'], filter: 'true || ' }, 'invalid_expression', 'subscriptions[0].filter'],
] as const)('a subscription that makes no sense is refused (%#)', async (subscription, code, field) => {
  await using watching = new Watching(client, { subscriptions: [subscription as never] })
  await expect(watching.next()).rejects.toMatchObject({ code, field })
})

it('filters of more characters than may be compiled are refused', async () => {
  const subscriptions = Array.from({ length: 20 }, (_, index) => ({
    target: type('Sheet'),
    fields: ['Text'],
    filter: `current == "${index}${'x'.repeat(4_000)}"`,
  }))
  await using watching = new Watching(client, { subscriptions })
  await expect(watching.next()).rejects.toMatchObject({ code: 'invalid_request', field: 'subscriptions[16].filter' })
})
