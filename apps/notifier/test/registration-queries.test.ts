import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  BackPressure,
  QueryChangeKind,
  StructureKind,
  TypeSchemaSchema,
  ValueSchema,
  ValueType,
  type Delivery,
  type Notification,
  type SubscriptionSchema,
} from '@qcore/contracts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openConnection, startNotifier } from './_notifier.ts'
import {
  errorOf,
  Listener,
  Receiving,
  register,
  registrationClient,
  type RegistrationClient,
} from './_registrations.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

let connection: NatsConnection
let store: WrittenStore
let client: RegistrationClient
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  const schema = create(TypeSchemaSchema, { type: 'Tank', fields: [{ name: 'Level', valueType: ValueType.INT }] })
  await store.commit(
    { case: 'setSchema', value: { schema } },
    { case: 'createEntity', value: { type: 'Tank', parentId: store.rootId, name: 'a', entityId: 'a' } },
  )
  running.use(await startNotifier(store.store))
  client = await registrationClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

function write(to: number): Promise<number> {
  const value = create(ValueSchema, { kind: { case: 'int', value: BigInt(to) } })
  return store.commit({ case: 'writeField', value: { entityId: 'a', field: 'Level', value } })
}

function queried(text: string, initial = false): MessageInitShape<typeof SubscriptionSchema> {
  return { target: { case: 'query', value: { source: { case: 'text', value: text }, initial } } }
}

function notificationsIn({ event }: Delivery): Notification[] {
  if (event.case === 'notifications') return event.value.notifications
  return event.case === 'folded' ? event.value.notifications.flatMap(({ notification }) => notification ?? []) : []
}

function kindsIn(deliveries: readonly Delivery[]): unknown[] {
  return deliveries
    .flatMap(notificationsIn)
    .map(({ event }) =>
      event.case === 'query' ? event.value.kind : event.case === 'structure' ? event.value.kinds : '',
    )
}

it('a registration of a query tells who enters, changes and leaves, and so does Receive, from any revision', async () => {
  const { subject, token, deliveredRevision } = await register(client, {
    subscriptions: [queried('SELECT Level FROM Tank WHERE Level > 10')],
  })
  using listener = new Listener(connection, subject)
  for (const level of [11, 12, 1]) await write(level)
  const kinds = [QueryChangeKind.ENTER, QueryChangeKind.CHANGE, QueryChangeKind.LEAVE]
  await vi.waitFor(() => expect(kindsIn(listener.changes)).toEqual(kinds))
  await using receiving = new Receiving(client, { token, resumeAfter: deliveredRevision })
  const received = [await receiving.change(), await receiving.change(), await receiving.change()]
  expect(kindsIn(received)).toEqual(kinds)
  expect(received.map(({ id }) => id)).toEqual(listener.changes.map(({ id }) => id))
})

it('a query that cannot be asked, or is to begin with results, is refused', async () => {
  const nobody = [queried('SELECT Level FROM Nobody')]
  expect(await errorOf(register(client, { subscriptions: nobody }))).toMatchObject({ code: 'unknown_type' })
  const initial = [queried('SELECT Level FROM Tank', true)]
  expect(await errorOf(register(client, { subscriptions: initial }))).toMatchObject({
    code: 'invalid_request',
    field: 'subscriptions[0].query.initial',
  })
})

it('with latest, what is not about a field is not folded', async () => {
  const { subject } = await register(client, {
    subscriptions: [
      {
        target: { case: 'entityType', value: 'Tank' },
        fields: ['Level'],
        structure: [StructureKind.CREATED, StructureKind.RENAMED],
      },
    ],
    backPressure: BackPressure.LATEST,
    minIntervalMs: 1_000,
  })
  using listener = new Listener(connection, subject)
  const first = await write(100)
  await vi.waitFor(() => expect(listener.revisions).toEqual([first]))
  await write(101)
  await store.commit({ case: 'renameEntity', value: { entityId: 'a', name: 'b' } })
  await store.commit({ case: 'renameEntity', value: { entityId: 'a', name: 'c' } })
  const last = await write(102)
  await vi.waitFor(() => expect(listener.revisions.at(-1)).toBe(last))
  const kinds = kindsIn(listener.changes)
  expect(kinds.filter((kind) => Array.isArray(kind))).toEqual([[StructureKind.RENAMED], [StructureKind.RENAMED]])
  expect(kinds.filter((kind) => kind === '').length).toBeLessThan(4)
})
