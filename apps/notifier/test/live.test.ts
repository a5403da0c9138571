import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { ValueType, type WatchService } from '@qcore/contracts'
import type { Service } from '@qcore/service'
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
    { name: 'Name', valueType: ValueType.STRING },
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

function change(entityId: string, to: string, from = ''): ReturnType<typeof fieldChanged> {
  return fieldChanged(entityId, 'Level', stringValue(to), stringValue(from))
}

describe('a live stream', () => {
  it('says where it is live, and sends each later revision once and in order', async () => {
    await using watching = new Watching(client, {
      subscriptions: [{ target: { case: 'entityType', value: 'Tank' }, fields: ['Level'] }],
    })
    const live = await watching.live()
    await store.append([[change('e1', 'a')], [change('e2', 'b')]])
    await store.append([[change('e1', 'c'), change('e2', 'd')]])
    const seen = [await watching.notifications(), await watching.notifications(), await watching.notifications()]
    expect(seen.map(({ revision }) => Number(revision))).toEqual([live + 1, live + 2, live + 3])
    expect(seen[2]?.notifications.map(({ current }) => current?.entityId)).toEqual(['e1', 'e2'])
  })
})
