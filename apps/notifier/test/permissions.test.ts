import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type AlterStepSchema,
  TypeSchemaSchema,
  ValueSchema,
  ValueType,
  type ContextField,
  type WatchService,
} from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { stringValue } from './_records.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

type Commit = NonNullable<Parameters<WrittenStore['commit']>[0]>

let connection: NatsConnection
let store: WrittenStore
let plain: Client<typeof WatchService>
let staff: Client<typeof WatchService>
let payroll: Client<typeof WatchService>
const running = new AsyncDisposableStack()

function schema(init: object): Commit {
  return { case: 'setSchema', value: { schema: create(TypeSchemaSchema, init) } }
}

const desk = {
  type: 'Desk',
  fields: [
    { name: 'Color', valueType: ValueType.STRING },
    { name: 'Owner', valueType: ValueType.ENTITY_REFERENCE },
    { name: 'Secret', valueType: ValueType.STRING },
  ],
}

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  await store.commit(
    schema({
      type: 'Person',
      permissions: { read: ['staff'] },
      fields: [
        { name: 'Phone', valueType: ValueType.STRING },
        { name: 'Salary', valueType: ValueType.STRING, permissions: { read: ['pay'] } },
      ],
    }),
    schema(desk),
    { case: 'createEntity', value: { type: 'Person', parentId: store.rootId, name: 'Ada', entityId: 'ada' } },
    { case: 'createEntity', value: { type: 'Desk', parentId: store.rootId, name: 'desk', entityId: 'desk' } },
    {
      case: 'writeField',
      value: {
        entityId: 'desk',
        field: 'Owner',
        value: create(ValueSchema, { kind: { case: 'entityReference', value: 'ada' } }),
      },
    },
  )
  running.use(await startNotifier(store.store))
  plain = await watchClient(connection, store.store)
  staff = await watchClient(connection, store.store, ['permission:staff'])
  payroll = await watchClient(connection, store.store, ['permission:staff', 'permission:pay'])
})

afterAll(() => running.disposeAsync())

const text = (entityId: string, field: string, value: string): Commit => ({
  case: 'writeField',
  value: { entityId, field, value: stringValue(value) },
})

const ada = { case: 'entityId', value: 'ada' } as const
const people = { case: 'entityType', value: 'Person' } as const
const desks = { case: 'entityType', value: 'Desk' } as const

async function codeOf(client: Client<typeof WatchService>, target: typeof ada | typeof people, field: string) {
  await using watching = new Watching(client, { subscriptions: [{ target, fields: [field] }] })
  return await watching.live().then(
    () => 'live',
    (error: unknown) => {
      const { code, field: part } = error as { code: string; field: string }
      return `${code} ${part}`
    },
  )
}

function shown({ outcome }: ContextField): unknown {
  return outcome.case === 'problem' ? outcome.value.code : outcome.value?.value?.kind.value
}

describe('a subscription', () => {
  it('to what the caller may not see is one to what is not there', async () => {
    expect(await codeOf(plain, ada, 'Phone')).toBe('unknown_entity subscriptions[0].entity_id')
    expect(await codeOf(plain, people, 'Phone')).toBe('unknown_type subscriptions[0].entity_type')
    expect(await codeOf(staff, ada, 'Phone')).toBe('live')
    expect(await codeOf(staff, ada, 'Salary')).toBe('unknown_field subscriptions[0].fields[0]')
    expect(await codeOf(payroll, people, 'Salary')).toBe('live')
  })

  it('has only context that the caller may see, live and replayed', async () => {
    const context = ['Owner->Phone', 'Owner->Name', 'Owner->Salary', 'Parent->Children->0->Name', 'Color']
    const subscriptions = [{ target: desks, fields: ['Color'], context }]
    await using seen = new Watching(staff, { subscriptions })
    await using watching = new Watching(plain, { subscriptions })
    const live = await watching.live()
    await seen.live()
    await store.commit(text('ada', 'Phone', '123'))
    await store.commit(text('desk', 'Color', `red ${live}`))
    const hidden = ['broken_path', 'broken_path', 'broken_path', 'desk', `red ${live}`]
    expect((await watching.notifications()).notifications[0]?.context.map(shown)).toEqual(hidden)
    const visible = ['123', 'Ada', 'unknown_field', 'Ada', `red ${live}`]
    expect((await seen.notifications()).notifications[0]?.context.map(shown)).toEqual(visible)
    await using again = new Watching(plain, { subscriptions, resumeAfter: BigInt(live) })
    await again.live()
    expect((await again.notifications()).notifications[0]?.context.map(shown)).toEqual(hidden)
  })

  it('ends to be heard when its field is restricted, also when it is replayed', async () => {
    const subscriptions = [{ target: desks, fields: ['Secret', 'Color'] }]
    await using watching = new Watching(plain, { subscriptions })
    const live = await watching.live()
    await store.commit(text('desk', 'Secret', `one ${live}`))
    expect((await watching.notifications()).notifications[0]?.current?.name).toBe('Secret')
    const fields = desk.fields.map((field) =>
      field.name === 'Secret' ? { ...field, permissions: { read: ['keys'] } } : field,
    )
    await store.commit(schema({ ...desk, fields }))
    await store.commit(text('desk', 'Secret', `two ${live}`))
    await store.commit(text('desk', 'Secret', `three ${live}`), text('desk', 'Color', `green ${live}`))
    const next = await watching.notifications()
    expect(next.notifications.map(({ current }) => current?.name)).toEqual(['Color'])
    const resumed = [{ target: desks, fields: ['Color'] }]
    await using again = new Watching(plain, { subscriptions: resumed, resumeAfter: BigInt(live) })
    await again.live()
    expect((await again.notifications()).notifications.map(({ current }) => current?.name)).toEqual(['Color'])
    await using refused = new Watching(plain, { subscriptions, resumeAfter: BigInt(live) })
    await refused.live().catch(() => undefined)
    await expect(refused.next()).rejects.toBeDefined()
  })

  it('that is replayed goes by what a field was, not by its name', async () => {
    const boxes = { case: 'entityType', value: 'Box' } as const
    const secret = { name: 'Secret', valueType: ValueType.STRING }
    const from = await store.commit(schema({ type: 'Box', fields: [{ ...secret, permissions: { read: ['keys'] } }] }), {
      case: 'createEntity',
      value: { type: 'Box', parentId: store.rootId, name: 'box', entityId: 'box' },
    })
    await store.commit(text('box', 'Secret', '1234'))
    const steps: MessageInitShape<typeof AlterStepSchema>[] = [
      { kind: { case: 'renameField', value: { field: 'Secret', name: 'Code' } } },
      { kind: { case: 'addField', value: { field: secret } } },
    ]
    await store.commit({ case: 'alterType', value: { type: 'Box', steps } })
    await store.commit(text('box', 'Secret', 'known to all'))
    const subscriptions = [{ target: boxes, fields: ['Secret'] }]
    const heard = async (client: Client<typeof WatchService>): Promise<unknown> => {
      await using watching = new Watching(client, { subscriptions, resumeAfter: BigInt(from) })
      await watching.live().catch(() => undefined)
      const first = await watching.notifications().catch((error: unknown) => fromConnectError(error))
      return 'notifications' in first ? first.notifications[0]?.current?.value?.kind.value : first.code
    }
    expect(await heard(await watchClient(connection, store.store, ['permission:keys']))).toBe('1234')
    expect(await heard(plain)).toBe('schema_changed')
  })
})
