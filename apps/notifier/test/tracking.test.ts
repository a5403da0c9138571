import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  QueryChangeKind,
  TypeSchemaSchema,
  Trigger,
  ValueSchema,
  ValueType,
  type Notification,
  type Value,
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
const put = (entityId: string, field: string, kind: Value['kind']): Mutation => ({
  case: 'writeField',
  value: { entityId, field, value: create(ValueSchema, { kind }) },
})
const write = (entityId: string, field: string, text: string): Mutation => put(entityId, field, stringValue(text).kind)
const refer = (entityId: string, field: string, to: string): Mutation =>
  put(entityId, field, { case: 'entityReference', value: to })
const level = (entityId: string, to: number): Mutation => put(entityId, 'Level', { case: 'int', value: BigInt(to) })
const move = (entityId: string, parentId: string): Mutation => ({ case: 'moveEntity', value: { entityId, parentId } })
const remove = (entityId: string): Mutation => ({ case: 'deleteEntity', value: { entityId } })

const site = {
  type: 'Site',
  fields: [
    { name: 'Status', valueType: ValueType.STRING },
    { name: 'Secret', valueType: ValueType.STRING },
  ],
}
const device = {
  type: 'Device',
  fields: [
    { name: 'Owner', valueType: ValueType.ENTITY_REFERENCE },
    { name: 'Level', valueType: ValueType.INT },
    { name: 'Note', valueType: ValueType.STRING },
  ],
}

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  await store.commit(
    schema(site),
    schema({ type: 'Owner', fields: [{ name: 'Site', valueType: ValueType.ENTITY_REFERENCE }] }),
    schema(device),
  )
  await store.commit(
    ...['s1', 's2'].flatMap((id) => [make('Site', id), write(id, 'Status', `status of ${id}`)]),
    make('Owner', 'o1'),
    refer('o1', 'Site', 's1'),
    make('Owner', 'o2'),
    refer('o2', 'Site', 's2'),
    ...['d1', 'd2', 'd3'].flatMap((id) => [make('Device', id, 's1'), refer(id, 'Owner', 'o1')]),
  )
  running.use(await startNotifier(store.store, { Q_WATCH_TRACKED_BYTES: '1048576' }))
  client = await watchClient(connection, store.store, ['permission:keys'])
  plain = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const entity = (value: string) => ({ case: 'entityId', value }) as const
const type = (value: string) => ({ case: 'entityType', value }) as const
const query = (text: string, initial = false) =>
  ({ target: { case: 'query', value: { source: { case: 'text', value: text }, initial } } }) as const

/** What a stream tells of some commits, one after the other; and that a replay tells the same. */
async function told(subscriptions: Subscriptions, ...commits: Mutation[][]): Promise<Notification[][]> {
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
  return seen.map(({ notifications }) => notifications)
}

function pathOf({ event, current, previous, subscriptions }: Notification): unknown {
  if (event.case !== 'path') return event.case
  const { entityId, entityIds, previousEntityIds } = event.value
  const text = (field: typeof current): unknown => field?.value?.kind.value
  return [subscriptions, entityId, text(previous), text(current), previousEntityIds.join('>'), entityIds.join('>')]
}

const path = 'Owner->Site->Status'

describe('a path', () => {
  it('is told when its end is written, and when a reference on it leads elsewhere', async () => {
    const seen = await told(
      [{ target: entity('d1'), fields: [path] }],
      [write('s1', 'Status', 'new')],
      [refer('d1', 'Owner', 'o2')],
      [refer('o2', 'Site', 's1')],
      [refer('o2', 'Site', '')],
      [refer('d1', 'Owner', 'o1')],
    )
    expect(seen.map((each) => each.map(pathOf))).toEqual([
      [[[0], 'd1', 'status of s1', 'new', 'd1>o1>s1', 'd1>o1>s1']],
      [[[0], 'd1', 'new', 'status of s2', 'd1>o1>s1', 'd1>o2>s2']],
      [[[0], 'd1', 'status of s2', 'new', 'd1>o2>s2', 'd1>o2>s1']],
      [[[0], 'd1', 'new', undefined, 'd1>o2>s1', '']],
      [[[0], 'd1', undefined, 'new', '', 'd1>o1>s1']],
    ])
    await store.commit(refer('o2', 'Site', 's2'))
  })

  it('of a type is told for each entity, created ones too, and an end that is deleted', async () => {
    await store.commit(
      make('Site', 's3'),
      write('s3', 'Status', 'third'),
      make('Owner', 'o3'),
      refer('o3', 'Site', 's3'),
    )
    const seen = await told(
      [{ target: type('Device'), fields: [path], context: ['Name'] }],
      [make('Device', 'd4'), refer('d4', 'Owner', 'o3')],
      [refer('d3', 'Owner', 'o3'), write('s3', 'Status', 'changed')],
      [remove('s3')],
    )
    expect(seen.map((each) => each.map(pathOf))).toEqual([
      [[[0], 'd4', undefined, 'third', '', 'd4>o3>s3']],
      [
        [[0], 'd3', 'new', 'changed', 'd3>o1>s1', 'd3>o3>s3'],
        [[0], 'd4', 'third', 'changed', 'd4>o3>s3', 'd4>o3>s3'],
      ],
      [
        [[0], 'd3', 'changed', undefined, 'd3>o3>s3', ''],
        [[0], 'd4', 'changed', undefined, 'd4>o3>s3', ''],
      ],
    ])
    await store.commit(remove('d4'), refer('d3', 'Owner', 'o1'))
  })

  it('over the parent is told of moves, and with the trigger write also of what stays the same', async () => {
    const parentStatus = 'Parent->Status'
    const subscriptions = [
      { target: entity('d2'), fields: [parentStatus], trigger: Trigger.WRITE },
      { target: entity('d2'), fields: [parentStatus] },
      { target: entity('d2'), fields: [parentStatus], filter: 'current == "same"' },
    ]
    await store.commit(write('s2', 'Status', 'other'))
    const seen = await told(
      subscriptions,
      [move('d2', 's2')],
      [write('s2', 'Status', 'other')],
      [write('s2', 'Status', 'same'), write('s1', 'Status', 'same')],
      [move('d2', 's1')],
    )
    expect(seen.map((each) => each.map(pathOf))).toEqual([
      [[[0, 1], 'd2', 'new', 'other', 'd2>s1', 'd2>s2']],
      [[[0], 'd2', 'other', 'other', 'd2>s2', 'd2>s2']],
      [
        [[0, 1], 'd2', 'other', 'same', 'd2>s2', 'd2>s2'],
        [[2], 'd2', 'other', 'same', 'd2>s2', 'd2>s2'],
      ],
      [[[0], 'd2', 'same', 'same', 'd2>s2', 'd2>s1']],
    ])
  })

  it('over what may not be seen leads nowhere', async () => {
    await using watching = new Watching(plain, {
      subscriptions: [{ target: entity('d1'), fields: ['Owner->Site->Secret'] }],
    })
    await watching.live()
    await store.commit(write('s1', 'Secret', 'told'))
    expect((await watching.notifications()).notifications.map(pathOf)).toEqual([
      [[0], 'd1', '', 'told', 'd1>o1>s1', 'd1>o1>s1'],
    ])
    const restricted = { ...site.fields[1], permissions: { read: ['keys'] } }
    await store.commit(schema({ ...site, fields: [site.fields[0], restricted] }))
    await expect(watching.notifications()).rejects.toMatchObject({ code: 'schema_changed' })
    await using refused = new Watching(plain, {
      subscriptions: [{ target: entity('d1'), fields: ['Owner->Site->Secret'] }],
    })
    await expect(refused.next()).rejects.toMatchObject({ code: 'unknown_field', field: 'subscriptions[0].fields' })
  })
})

function changeOf({ event }: Notification): unknown {
  if (event.case !== 'query') return event.case
  const { kind, entityId, position, previousPosition, entity: found, initial } = event.value
  const values = found?.fields.map(({ outcome }) => (outcome.case === 'field' ? outcome.value.value?.kind.value : null))
  const word = Object.entries(QueryChangeKind).find(([, value]) => value === kind)?.[0]
  return [word, entityId, previousPosition, position, values, ...(initial ? ['initial'] : [])]
}

describe('a query', () => {
  const text = `SELECT Level, Owner->Site->Status FROM Device WHERE Level > 0 ORDER BY Level DESC`

  it('begins with its result, and tells what enters, changes and leaves, with positions', async () => {
    await store.commit(level('d1', 1), level('d2', 2), write('s1', 'Status', 'on'))
    await using watching = new Watching(client, { subscriptions: [query(text, true)] })
    const live = await watching.live()
    const initial = await watching.notifications()
    expect(Number(initial.revision)).toBe(live)
    expect(initial.commitTime).toBeUndefined()
    expect(initial.notifications.map(changeOf)).toEqual([
      ['ENTER', 'd2', 0, 0, [2n, 'on'], 'initial'],
      ['ENTER', 'd1', 0, 1, [1n, 'on'], 'initial'],
    ])
    const seen = await told(
      [query(text)],
      [level('d3', 5)],
      [level('d1', 3)],
      [write('s1', 'Status', 'off')],
      [level('d3', 0)],
      [make('Device', 'd5'), level('d5', 9), remove('d2')],
      [remove('d5')],
    )
    expect(seen.map((each) => each.map(changeOf))).toEqual([
      [['ENTER', 'd3', 0, 0, [5n, 'on']]],
      [['CHANGE', 'd1', 2, 1, [3n, 'on']]],
      [
        ['CHANGE', 'd1', 1, 1, [3n, 'off']],
        ['CHANGE', 'd2', 2, 2, [2n, 'off']],
        ['CHANGE', 'd3', 0, 0, [5n, 'off']],
      ],
      [['LEAVE', 'd3', 0, 0, undefined]],
      [
        ['LEAVE', 'd2', 1, 0, undefined],
        ['ENTER', 'd5', 0, 0, [9n, null]],
      ],
      [['LEAVE', 'd5', 0, 0, undefined]],
    ])
    // The stream that was there before heard the same.
    for (const notifications of seen) expect((await watching.notifications()).notifications).toEqual(notifications)
    await store.commit(make('Device', 'd2', 's1'), refer('d2', 'Owner', 'o1'))
  })

  it('with an empty result begins with nothing, and says so', async () => {
    await using watching = new Watching(client, { subscriptions: [query('FROM Device WHERE Level > 100', true)] })
    await watching.live()
    expect(await watching.next()).toMatchObject({ case: 'notifications', value: { notifications: [], more: false } })
  })

  it('goes on through changes of types, and ends when a field that it names is gone', async () => {
    const types = [query('SELECT Note FROM Device WHERE Level > 0'), query('SELECT * FROM Device WHERE Level > 0')]
    const alter = (kind: object): Mutation => ({
      case: 'alterType',
      value: { type: 'Device', steps: [{ kind: kind as never }] },
    })
    await using watching = new Watching(client, { subscriptions: types })
    const live = await watching.live()
    const added = { field: { name: 'Extra', valueType: ValueType.STRING, defaultValue: stringValue('more') } }
    await store.commit(alter({ case: 'addField', value: added }))
    const columns = (await watching.notifications()).notifications.map(({ subscriptions, event }) => [
      subscriptions,
      event.case === 'query' ? event.value.columns : undefined,
    ])
    expect(columns).toEqual([[[1], ['Owner', 'Level', 'Note', 'Extra']]])
    await store.commit(level('d1', 4))
    await watching.notifications()
    await store.commit(alter({ case: 'renameField', value: { field: 'Note', name: 'Remark' } }))
    const gone = { code: 'schema_changed', field: 'subscriptions[0].query', metadata: { field_name: 'Note' } }
    await expect(watching.notifications()).rejects.toMatchObject(gone)
    await using again = new Watching(client, { subscriptions: [types[1]], resumeAfter: BigInt(live) } as never)
    await again.live()
    expect((await again.notifications()).notifications).toHaveLength(1)
  })

  it('of many streams and a deep path costs no more than what it finds', async () => {
    await using a = new Watching(client, { subscriptions: [query(text), { target: type('Device'), fields: [path] }] })
    await using b = new Watching(client, { subscriptions: [query(text)] })
    await Promise.all([a.live(), b.live()])
    await store.commit(write('s1', 'Status', 'both'))
    const [ofA, ofB] = await Promise.all([a.notifications(), b.notifications()])
    expect(ofA.notifications.map(({ subscriptions }) => subscriptions)).toEqual([[1], [1], [1], [0]])
    expect(ofB.notifications).toHaveLength(1)
  })

  it('that would keep too much is refused, or ends, and others go on', async () => {
    await using small = new Watching(client, { subscriptions: [query('SELECT Level FROM Device WHERE Level > 0')] })
    await small.live()
    await using large = new Watching(client, { subscriptions: [query('SELECT Status FROM Site')] })
    await large.live()
    const ended = (async () => {
      for (;;) await large.notifications()
    })()
    ended.catch(() => undefined)
    for (const id of ['s1', 's2', 's1']) await store.commit(write(id, 'Status', id.repeat(100_000)))
    await expect(ended).rejects.toMatchObject({ code: 'too_much_state', field: 'subscriptions[0].query' })
    await using refused = new Watching(client, { subscriptions: [query('SELECT Status FROM Site')] })
    const refusal = (async () => {
      for (;;) await refused.next()
    })()
    await expect(refusal).rejects.toMatchObject({ code: 'too_much_state' })
    await store.commit(level('d1', 7))
    expect((await small.notifications()).notifications.map(changeOf)).toEqual([['CHANGE', 'd1', 0, 0, [7n]]])
    await store.commit(write('s1', 'Status', ''), write('s2', 'Status', ''))
  })

  it.each([
    [query('SELECT COUNT(*) FROM Device'), 'invalid_query', 'subscriptions[0].query.count'],
    [query('FROM Nothing'), 'unknown_type', 'subscriptions[0].query.type'],
    [query('FROM Device WHERE Colour = 1'), 'unknown_field', 'subscriptions[0].query.where.compare.path'],
    [query('FROM Device WHERE'), 'invalid_query', 'subscriptions[0].query.text'],
    [{ ...query('FROM Device'), fields: ['Level'] }, 'invalid_request', 'subscriptions[0].fields'],
    [{ ...query('FROM Device'), filter: 'true' }, 'invalid_request', 'subscriptions[0].filter'],
    [{ target: type('Device'), fields: ['Owner->Colour'] }, 'unknown_field', 'subscriptions[0].fields'],
    [{ target: type('Device'), fields: ['Level->Name'] }, 'invalid_path', 'subscriptions[0].fields'],
  ])('that makes no sense is refused (%#)', async (subscription, code, field) => {
    await using watching = new Watching(client, { subscriptions: [subscription] as never })
    await expect(watching.next()).rejects.toMatchObject({ code, field })
  })
})
