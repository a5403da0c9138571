import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { ValueType, type SubscriptionSchema } from '@qcore/contracts'
import { metricsText } from '@qcore/service'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'

const budgetBytes = 2_097_152

let connection: NatsConnection
let store: RawStore
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'e1', parentId: '' })
  running.use(
    await startNotifier(store.store, {
      Q_WATCH_QUEUES_BYTES: `${budgetBytes}`,
      Q_WATCH_QUEUE_BYTES: `${budgetBytes}`,
    }),
  )
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

async function metric(name: string): Promise<number> {
  const line = (await metricsText()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

it('many callers that do not read hold no more together than the budget, and the one who reads gets everything', async () => {
  const client = await watchClient(connection, store.store)
  await using slow = new AsyncDisposableStack()
  const streams = Array.from({ length: 12 }, () => slow.use(new Watching(client, { subscriptions: [level] })))
  await Promise.all(streams.map((stream) => stream.live()))
  await using quick = new Watching(client, { subscriptions: [level] })
  const live = await quick.live()
  const large = stringValue('x'.repeat(40_000))
  for (let revision = live + 1; revision <= live + 60; revision += 1) {
    await store.append([[fieldChanged('e1', 'Level', large, stringValue(''))]])
    expect(Number((await quick.notifications()).revision)).toBe(revision)
    expect(await metric('qcore_notifier_queue_bytes')).toBeLessThan(budgetBytes + 200_000)
  }
  await vi.waitFor(async () => expect(await metric('qcore_notifier_too_slow_total')).toBeGreaterThan(0))
})
