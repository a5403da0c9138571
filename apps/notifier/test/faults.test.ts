import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { ValueType, type SubscriptionSchema } from '@qcore/contracts'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { metricsText } from '@qcore/service'
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'

let connection: NatsConnection
let store: RawStore
let nats: FaultProxy
let postgres: FaultProxy
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'first', parentId: '' })
  nats = running.use(await openFaultProxy(inject('natsUrl')))
  postgres = running.use(await openFaultProxy(inject('postgresUrl')))
  running.use(
    await startNotifier(store.store, {
      Q_NATS_ADDR: nats.url,
      Q_POSTGRES_ADDR: postgres.url,
      Q_WATCH_QUEUE_BYTES: '65536',
      Q_WATCH_QUEUE_REVISIONS: '100',
    }),
  )
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

function change(to: string): ReturnType<typeof fieldChanged> {
  return fieldChanged('e1', 'Level', stringValue(to), stringValue(''))
}

/** The value of a metric without labels. */
async function metric(name: string): Promise<number> {
  const line = (await metricsText()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

async function noStreams(): Promise<void> {
  await vi.waitFor(async () => expect(await metric('qcore_notifier_streams')).toBe(0))
}

it('ends the stream of a caller that does not read, and sends to others all the while', async () => {
  const client = await watchClient(connection, store.store)
  await using slow = new Watching(client, { subscriptions: [level] })
  await using quick = new Watching(client, { subscriptions: [level] })
  const live = await slow.live()
  await quick.live()
  const tooSlowBefore = await metric('qcore_notifier_too_slow_total')
  const large = 'x'.repeat(20_000)
  const last = live + 100
  for (let revision = live; revision < last; revision += 2) {
    // Two fit into the queue of whoever reads.
    await store.append([[change(large)], [change(large)]])
    expect(Number((await quick.notifications()).revision)).toBe(revision + 1)
    expect(Number((await quick.notifications()).revision)).toBe(revision + 2)
  }

  let seen = live
  const end = await (async () => {
    for (;;) {
      const { revision } = await slow.notifications()
      expect(Number(revision)).toBe(++seen)
    }
  })().catch((error: unknown) => error)
  expect(end).toMatchObject({ code: 'too_slow', metadata: { resume_after: `${seen}` } })
  expect(seen).toBeLessThan(last)
  expect(await metric('qcore_notifier_too_slow_total')).toBe(tooSlowBefore + 1)

  await using again = new Watching(client, { subscriptions: [level], resumeAfter: BigInt(seen) })
  await again.live()
  while (seen < last) expect(Number((await again.notifications()).revision)).toBe(++seen)
})

it('forgets the stream of a caller that vanishes', async () => {
  const leaving = await openConnection()
  const client = await watchClient(leaving, store.store)
  await noStreams()
  const watching = new Watching(client, { subscriptions: [level, level] })
  await watching.live()
  expect(await metric('qcore_notifier_streams')).toBe(1)
  expect(await metric('qcore_notifier_subscriptions')).toBe(2)
  await leaving.close()
  await vi.waitFor(
    async () => {
      await store.append([[change('who is there?')]])
      expect(await metric('qcore_notifier_streams')).toBe(0)
    },
    { timeout: 10_000, interval: 100 },
  )
  expect(await metric('qcore_notifier_subscriptions')).toBe(0)
})

it('forgets the stream of a caller that cancels', async () => {
  const client = await watchClient(connection, store.store)
  await noStreams()
  {
    await using watching = new Watching(client, { subscriptions: [level] })
    await watching.live()
    expect(await metric('qcore_notifier_streams')).toBe(1)
  }
  await noStreams()
})

it('loses nothing when NATS is gone for a while: callers resume', async () => {
  const client = await watchClient(connection, store.store)
  await using watching = new Watching(client, { subscriptions: [level] })
  const live = await watching.live()
  nats.cut()
  await store.append([[change('while it was gone')]])
  nats.restore()
  await store.append([[change('while it comes back')]])
  await using again = await vi.waitFor(
    async () => {
      const resumed = new Watching(client, { subscriptions: [level], resumeAfter: BigInt(live) })
      await resumed.live()
      return resumed
    },
    { timeout: 10_000, interval: 100 },
  )
  expect(Number((await again.notifications()).revision)).toBe(live + 1)
  expect(Number((await again.notifications()).revision)).toBe(live + 2)
  const last = await store.append([[change('live again')]])
  expect(Number((await again.notifications()).revision)).toBe(last)
})

it('goes on with what is live while PostgreSQL is gone, and fills what it missed when it is back', async () => {
  const client = await watchClient(connection, store.store)
  await using watching = new Watching(client, { subscriptions: [level] })
  const live = await watching.live()
  postgres.cut()
  await store.append([[change('told')]])
  expect(Number((await watching.notifications()).revision)).toBe(live + 1)
  await store.append([[change('lost')]], { publish: false })
  await store.append([[change('told, and early')]])
  await using refused = new Watching(client, { subscriptions: [level], resumeAfter: BigInt(live) })
  await expect(refused.next()).rejects.toMatchObject({ code: 'unavailable' })
  postgres.restore()
  expect(Number((await watching.notifications()).revision)).toBe(live + 2)
  expect(Number((await watching.notifications()).revision)).toBe(live + 3)
})

it('ends a stream whose context cannot be read, with the revision to resume after', async () => {
  const client = await watchClient(connection, store.store)
  await store.addEntity({ id: 'uncached', type: 'Tank', name: 'uncached', parentId: '' })
  const target = { case: 'entityId' as const, value: 'uncached' }
  await using watching = new Watching(client, { subscriptions: [{ target, fields: ['Level'], context: ['Name'] }] })
  await using plain = new Watching(client, { subscriptions: [{ target, fields: ['Level'] }] })
  const live = await watching.live()
  await plain.live()
  postgres.cut()
  await store.append([[fieldChanged('uncached', 'Level', stringValue('x'), stringValue(''))]])
  const end = await watching.notifications().catch((error: unknown) => error)
  expect(end).toMatchObject({ code: 'unavailable', metadata: { resume_after: `${live}` } })
  expect(Number((await plain.notifications()).revision)).toBe(live + 1)
  postgres.restore()
  await using again = await vi.waitFor(async () => {
    const resumed = new Watching(client, {
      subscriptions: [{ target, fields: ['Level'], context: ['Name'] }],
      resumeAfter: BigInt(live),
    })
    await resumed.live()
    return resumed
  })
  const { notifications } = await again.notifications()
  expect(notifications[0]?.context[0]?.outcome).toMatchObject({
    case: 'field',
    value: { value: stringValue('uncached') },
  })
})

it('stops soon though PostgreSQL hangs', async () => {
  await using way = await openFaultProxy(inject('postgresUrl'))
  const notifier = await startNotifier(store.store, { Q_POSTGRES_ADDR: way.url })
  way.hold()
  await vi.waitFor(async () => {
    const checks = await notifier.checkHealth(AbortSignal.timeout(200))
    expect(checks.find(({ name }) => name === 'postgres')?.ok).toBe(false)
  })
  const startedAtMs = performance.now()
  await notifier[Symbol.asyncDispose]()
  expect(performance.now() - startedAtMs).toBeLessThan(4_000)
})
