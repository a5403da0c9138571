import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  ValueSchema,
  ValueType,
  type ContextField,
  type SubscriptionSchema,
  type Value,
  type WatchService,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { stringValue } from './_records.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

let connection: NatsConnection
let store: WrittenStore
let client: Client<typeof WatchService>
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  await store.commit(
    {
      case: 'setSchema',
      value: { schema: { type: 'Site', fields: [{ name: 'Title', valueType: ValueType.STRING }] } },
    },
    {
      case: 'setSchema',
      value: {
        schema: {
          type: 'Tank',
          fields: [
            { name: 'Level', valueType: ValueType.INT },
            { name: 'Site', valueType: ValueType.ENTITY_REFERENCE },
          ],
        },
      },
    },
    { case: 'createEntity', value: { type: 'Site', parentId: store.rootId, name: 'North', entityId: 'north' } },
    { case: 'createEntity', value: { type: 'Site', parentId: store.rootId, name: 'South', entityId: 'south' } },
    { case: 'createEntity', value: { type: 'Tank', parentId: 'north', name: 'tank', entityId: 'tank' } },
  )
  running.use(await startNotifier(store.store))
  client = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const paths = ['Site->Title', 'Parent->Title', 'Name', 'Site->Nothing', 'Level', 'Parent->Children->0->Name']
const watched: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityId', value: 'tank' },
  fields: ['Level'],
  context: paths,
}

function intValue(value: number): Value {
  return create(ValueSchema, { kind: { case: 'int', value: BigInt(value) } })
}

function level(value: number): NonNullable<Parameters<WrittenStore['commit']>[0]> {
  return { case: 'writeField', value: { entityId: 'tank', field: 'Level', value: intValue(value) } }
}

function title(entityId: string, text: string): NonNullable<Parameters<WrittenStore['commit']>[0]> {
  return { case: 'writeField', value: { entityId, field: 'Title', value: stringValue(text) } }
}

function site(id: string): NonNullable<Parameters<WrittenStore['commit']>[0]> {
  const value = create(ValueSchema, { kind: { case: 'entityReference', value: id } })
  return { case: 'writeField', value: { entityId: 'tank', field: 'Site', value } }
}

/** A context field as its text, number or problem. */
function shown({ outcome }: ContextField): unknown {
  if (outcome.case === 'problem') return outcome.value.code
  return outcome.value?.value?.kind.value
}

async function contextOfNext(watching: Watching): Promise<unknown[]> {
  const { notifications } = await watching.notifications()
  expect(notifications).toHaveLength(1)
  return notifications[0]?.context.map(shown) ?? []
}

describe('context', () => {
  it('is what the store held right after the change, whatever happened since, in the order of the paths', async () => {
    await using watching = new Watching(client, { subscriptions: [watched] })
    const live = await watching.live()
    // Sent together, so that the first is resolved when the others are applied: nothing is cached yet.
    await Promise.all([
      store.commit(level(1)),
      store.commit(site('south'), title('south', 'first'), level(2)),
      store.commit(title('south', 'second'), title('north', 'up')),
      store.commit(level(3)),
      store.commit(title('south', 'third'), level(4)),
    ])
    const expected = [
      ['broken_path', '', 'tank', 'broken_path', 1n, 'tank'],
      ['first', '', 'tank', 'unknown_field', 2n, 'tank'],
      ['second', 'up', 'tank', 'unknown_field', 3n, 'tank'],
      ['third', 'up', 'tank', 'unknown_field', 4n, 'tank'],
    ]
    for (const context of expected) expect(await contextOfNext(watching)).toEqual(context)

    await using again = new Watching(client, { subscriptions: [watched], resumeAfter: BigInt(live) })
    await again.live()
    for (const context of expected) expect(await contextOfNext(again)).toEqual(context)
  })

  it('names the entity and the field that the path led to', async () => {
    await using watching = new Watching(client, { subscriptions: [watched] })
    await watching.live()
    const revision = await store.commit(title('south', 'named'), level(5))
    const { notifications } = await watching.notifications()
    expect(notifications[0]?.context[0]?.outcome.value).toMatchObject({
      entityId: 'south',
      name: 'Title',
      writer: 'committer',
      revision: BigInt(revision),
    })
  })

  it('of a deleted entity is read as it was then, when a stream resumes', async () => {
    const before = await store.commit(site('south'), level(6))
    await store.commit(level(7))
    await store.commit({ case: 'deleteEntity', value: { entityId: 'south' } })
    await store.commit(level(8))
    await using watching = new Watching(client, { subscriptions: [watched], resumeAfter: BigInt(before) })
    await watching.live()
    expect((await contextOfNext(watching))[0]).toBe('named')
    expect((await contextOfNext(watching))[0]).toBe('broken_path')
  })
})

describe('clearing a reference by a deletion', () => {
  it('is a change like any other', async () => {
    await store.commit({
      case: 'createEntity',
      value: { type: 'Site', parentId: store.rootId, name: 'West', entityId: 'west' },
    })
    await store.commit(site('west'))
    await using watching = new Watching(client, {
      subscriptions: [{ target: { case: 'entityType', value: 'Tank' }, fields: ['Site'] }],
    })
    await watching.live()
    await store.commit({ case: 'deleteEntity', value: { entityId: 'west' } })
    const { notifications } = await watching.notifications()
    expect(notifications[0]?.current?.value?.kind.value).toBe('')
    expect(notifications[0]?.previous?.value?.kind.value).toBe('west')
  })
})

describe('a new field of a schema', () => {
  it('is no change, and can be watched at once', async () => {
    await using watching = new Watching(client, {
      subscriptions: [{ target: { case: 'entityType', value: 'Site' }, fields: ['Title'] }],
    })
    await watching.live()
    const fields = ['Title', 'Code'].map((name) => ({ name, valueType: ValueType.STRING }))
    const revision = await store.commit({ case: 'setSchema', value: { schema: { type: 'Site', fields } } })
    await using onCode = new Watching(client, {
      subscriptions: [{ target: { case: 'entityId', value: 'north' }, fields: ['Code'] }],
    })
    expect(await onCode.live()).toBeGreaterThanOrEqual(revision)
    expect(await watching.next()).toMatchObject({ case: 'progress' })
    const value = stringValue('N')
    await store.commit({ case: 'writeField', value: { entityId: 'north', field: 'Code', value } })
    expect((await onCode.notifications()).notifications[0]).toMatchObject({
      current: { value },
      previous: { value: stringValue(''), revision: BigInt(revision) },
    })
  })
})

describe('a large commit', () => {
  it('is notified with the values before that the log leaves out', async () => {
    const texts = (letter: string): Value => stringValue(letter.repeat(240_000))
    const ids = ['a', 'b', 'c']
    for (const id of ids) {
      const name = `large-${id}`
      await store.commit(
        { case: 'createEntity', value: { type: 'Site', parentId: 'north', name, entityId: name } },
        { case: 'writeField', value: { entityId: name, field: 'Title', value: texts(id) } },
      )
    }
    const subscriptions = [{ target: { case: 'entityType' as const, value: 'Site' }, fields: ['Title'] }]
    await using watching = new Watching(client, { subscriptions })
    const live = await watching.live()
    await store.commit(
      ...['x', 'y', 'c'].map((letter, index) => ({
        case: 'writeField' as const,
        value: { entityId: `large-${ids[index]}`, field: 'Title', value: texts(letter) },
      })),
    )
    await using resumed = new Watching(client, { subscriptions, resumeAfter: BigInt(live) })
    await resumed.live()
    for (const stream of [watching, resumed]) {
      const first = await stream.notifications()
      const rest = first.more ? (await stream.notifications()).notifications : []
      const seen = [...first.notifications, ...rest]
      // The third was written the same.
      expect(seen.map(({ current }) => current?.entityId)).toEqual(['large-a', 'large-b'])
      expect(seen.map(({ previous }) => previous?.value)).toEqual([texts('a'), texts('b')])
    }
  })
})
