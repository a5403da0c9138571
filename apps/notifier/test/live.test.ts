import { createClient, type Client } from '@connectrpc/connect'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { Trigger, ValueType, WatchService, type SubscriptionSchema } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'

let connection: NatsConnection
let store: RawStore
let notifier: Service
let client: Client<typeof WatchService>

beforeAll(async () => {
  connection = await openConnection()
  store = await createRawStore(connection)
  await store.addType('Tank', [
    { name: 'Level', valueType: ValueType.STRING },
    { name: 'Note', valueType: ValueType.STRING },
  ])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'first', parentId: '' })
  await store.addEntity({ id: 'e2', type: 'Tank', name: 'second', parentId: '' })
  notifier = await startNotifier(store.store)
  client = await watchClient(connection, store.store)
})

afterAll(async () => {
  await notifier[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await connection.close()
})

type SubscriptionInit = MessageInitShape<typeof SubscriptionSchema>

function watchAll(...subscriptions: SubscriptionInit[]): Watching {
  return new Watching(client, { subscriptions })
}

function ofType(fields = ['Level'], rest: Pick<SubscriptionInit, 'trigger' | 'context'> = {}): SubscriptionInit {
  return { target: { case: 'entityType', value: 'Tank' }, fields, ...rest }
}

function ofEntity(id: string, fields = ['Level'], rest: Pick<SubscriptionInit, 'trigger'> = {}): SubscriptionInit {
  return { target: { case: 'entityId', value: id }, fields, ...rest }
}

function change(entityId: string, to: string, from = ''): ReturnType<typeof fieldChanged> {
  return fieldChanged(entityId, 'Level', stringValue(to), stringValue(from))
}

describe('a live stream', () => {
  it('says where it is live, and sends each later revision once and in order', async () => {
    await using watching = watchAll(ofType())
    const live = await watching.live()
    await store.append([[change('e1', 'a')], [change('e2', 'b')]])
    await store.append([[change('e1', 'c'), change('e2', 'd')]])
    const seen = [await watching.notifications(), await watching.notifications(), await watching.notifications()]
    expect(seen.map(({ revision }) => Number(revision))).toEqual([live + 1, live + 2, live + 3])
    expect(seen[2]?.notifications.map(({ current }) => current?.entityId)).toEqual(['e1', 'e2'])
    expect(seen[0]?.commitTime).toEqual(seen[0]?.notifications[0]?.current?.writeTime)
  })

  it('sends one notification with all positions that want it', async () => {
    await using watching = watchAll(ofEntity('e2'), ofEntity('e1'), ofType(['Note', 'Level']), ofEntity('e1'))
    await watching.live()
    await store.append([[change('e1', 'a')]])
    const { notifications } = await watching.notifications()
    expect(notifications).toHaveLength(1)
    expect(notifications[0]).toMatchObject({
      subscriptions: [1, 2, 3],
      current: { entityId: 'e1', name: 'Level', value: stringValue('a'), writer: 'tester' },
      previous: { value: stringValue(''), writer: 'old', revision: 1n },
    })
  })

  it('sends writes of the same value to those who want every write', async () => {
    await using watching = watchAll(ofEntity('e1'), ofEntity('e1', ['Level'], { trigger: Trigger.WRITE }))
    await watching.live()
    await store.append([[change('e1', 'a', 'a')], [change('e1', 'b', 'a')]])
    expect((await watching.notifications()).notifications.map(({ subscriptions }) => subscriptions)).toEqual([[1]])
    expect((await watching.notifications()).notifications.map(({ subscriptions }) => subscriptions)).toEqual([[0, 1]])
  })

  it('is told the revision while the store changes in ways that do not concern it', async () => {
    await using watching = watchAll(ofEntity('e1', ['Note']))
    const live = await watching.live()
    const last = await store.append([[change('e1', 'a')], [change('e2', 'b')]])
    const event = await watching.next()
    expect(event).toMatchObject({ case: 'progress', value: { revision: BigInt(last) } })
    expect(last).toBe(live + 2)
  })

  it('is told the revision again when the store has not changed for five seconds', async () => {
    await using watching = watchAll(ofEntity('e1'))
    const live = await watching.live()
    expect(await watching.next()).toMatchObject({ case: 'progress', value: { revision: BigInt(live) } })
  })

  it('gets a thousand subscriptions in one response', async () => {
    await using watching = watchAll(...Array.from({ length: 1_000 }, () => ofEntity('e1')))
    await watching.live()
    await store.append([[change('e1', 'a')]])
    const { notifications, more } = await watching.notifications()
    expect(notifications).toHaveLength(1)
    expect(notifications[0]?.subscriptions).toHaveLength(1_000)
    expect(more).toBe(false)
  })

  it('gets a large revision in parts', async () => {
    await using watching = watchAll(ofType(['Level', 'Note']))
    const live = await watching.live()
    const large = stringValue('x'.repeat(250_000))
    const changes = ['e1', 'e2'].flatMap((id) =>
      ['Level', 'Note'].map((field) => fieldChanged(id, field, large, stringValue(''))),
    )
    await store.append([changes.slice(0, 3), [change('e1', 'after')]])
    const first = await watching.notifications()
    const second = await watching.notifications()
    expect([first.more, second.more]).toEqual([true, false])
    expect([first.revision, second.revision]).toEqual([BigInt(live + 1), BigInt(live + 1)])
    expect(first.notifications.length + second.notifications.length).toBe(3)
    expect((await watching.notifications()).revision).toBe(BigInt(live + 2))
  })
})

describe('a request to watch', () => {
  it.each([
    ['an unknown type', { ...ofType(), target: { case: 'entityType', value: 'Pump' } }, 'unknown_type', 'entity_type'],
    ['an unknown field', ofType(['Level', 'Depth']), 'unknown_field', 'fields[1]'],
    ['an unknown entity', ofEntity('nobody'), 'unknown_entity', 'entity_id'],
    ['a bad path', ofType(['Level'], { context: ['Parent->'] }), 'invalid_path', 'context[0]'],
    ['no field', ofType([]), 'invalid_request', 'fields'],
  ] as [string, SubscriptionInit, string, string][])('of %s is refused', async (_, wrong, code, part) => {
    await using watching = watchAll(ofType(), wrong)
    await expect(watching.next()).rejects.toMatchObject({ code, field: `subscriptions[1].${part}` })
  })

  it('without a token is refused', async () => {
    const anonymous = createClient(WatchService, createNatsTransport({ connection, store: store.store }))
    await using watching = new Watching(anonymous, { subscriptions: [ofType()] })
    await expect(watching.next()).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('that belongs to another history is refused', async () => {
    await using watching = new Watching(client, { subscriptions: [ofType()], logId: 'another' })
    await expect(watching.next()).rejects.toMatchObject({ code: 'log_replaced', field: 'log_id' })
  })
})
