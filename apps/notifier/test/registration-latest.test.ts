import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  BackPressure,
  DeliveryMode,
  ValueType,
  type Delivery,
  type FoldedNotification,
  type SubscriptionSchema,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openConnection, startNotifier } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'
import { Listener, Receiving, register, registrationClient, type RegistrationClient } from './_registrations.ts'

let connection: NatsConnection
let store: RawStore
let client: RegistrationClient
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  for (const id of ['e1', 'e2']) await store.addEntity({ id, type: 'Tank', name: id, parentId: '' })
  running.use(await startNotifier(store.store))
  client = await registrationClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

function change(to: string, from: string, entityId = 'e1'): ReturnType<typeof fieldChanged> {
  return fieldChanged(entityId, 'Level', stringValue(to), stringValue(from))
}

function foldedOf(delivery: Delivery | undefined): Record<string, [FoldedNotification, string, string]> {
  if (delivery?.event.case !== 'folded') throw new Error(`the delivery is ${delivery?.event.case}`)
  return Object.fromEntries(
    delivery.event.value.notifications.map((each) => {
      const { current, previous } = each.notification ?? {}
      return [current?.entityId ?? '', [each, textOf(previous?.value), textOf(current?.value)]]
    }),
  )
}

function textOf(value: { kind: { case?: string | undefined; value?: unknown } } | undefined): string {
  return value?.kind.case === 'string' ? String(value.kind.value) : ''
}

describe('with latest, what has to wait', () => {
  it('is folded: of each field the first previous and the last current value, with the range', async () => {
    const { subject, deliveredRevision } = await register(client, {
      subscriptions: [level],
      backPressure: BackPressure.LATEST,
      minIntervalMs: 1_000,
    })
    using listener = new Listener(connection, subject)
    const first = await store.append([[change('1', '0')]])
    await vi.waitFor(() => expect(listener.revisions).toEqual([first]))
    expect(listener.changes[0]?.event.case).toBe('notifications')
    const last = await store.append([
      [change('2', '1')],
      [change('x', '', 'e2')],
      [change('3', '2')],
      [change('4', '3'), change('y', 'x', 'e2')],
    ])
    await vi.waitFor(() => expect(listener.changes).toHaveLength(2))
    const [, folded] = listener.changes
    expect([Number(folded?.previousRevision), Number(folded?.revision)]).toEqual([first, last])
    expect(Number(deliveredRevision)).toBeLessThan(first)
    const { e1, e2 } = foldedOf(folded)
    expect(e1?.slice(1)).toEqual(['1', '4'])
    expect(e1?.[0]).toMatchObject({ firstRevision: BigInt(first + 1), lastRevision: BigInt(last), changes: 3 })
    expect(e2?.slice(1)).toEqual(['', 'y'])
  })

  it('of a shared registration is folded until a message is taken', async () => {
    const { subject } = await register(client, {
      subscriptions: [level],
      delivery: DeliveryMode.SHARED,
      backPressure: BackPressure.LATEST,
      maxUnacknowledged: 1,
      ackTimeoutMs: 60_000,
    })
    using worker = new Listener(connection, subject, { queue: 'tests' })
    const last = await store.append(Array.from({ length: 100 }, (_, n) => [change(`${n + 1}`, `${n}`)]))
    await vi.waitFor(() => expect(worker.heard).toHaveLength(1))
    while (worker.revisions.at(-1) !== last) {
      const count = worker.heard.length
      worker.heard.at(-1)?.message.respond()
      await vi.waitFor(() => expect(worker.heard).toHaveLength(count + 1))
    }
    expect(worker.heard.length).toBeLessThan(10)
    expect(textOf(lastValue(worker.changes.at(-1)))).toBe('100')
  })

  it('is folded in a replay too', async () => {
    const { token, deliveredRevision } = await register(client, {
      subscriptions: [level],
      backPressure: BackPressure.LATEST,
    })
    const last = await store.append(Array.from({ length: 400 }, (_, n) => [change(`${n + 1}`, `${n}`)]))
    await using receiving = new Receiving(client, { token, resumeAfter: deliveredRevision })
    let reached = Number(deliveredRevision)
    let changes = 0
    while (reached < last) {
      const delivery = await receiving.change()
      expect(Number(delivery.previousRevision)).toBe(reached)
      reached = Number(delivery.revision)
      changes += 1
      if (reached === last) expect(textOf(lastValue(delivery))).toBe('400')
    }
    expect(changes).toBeLessThan(400)
  })
})

function lastValue(delivery: Delivery | undefined): Parameters<typeof textOf>[0] {
  const { event } = delivery ?? {}
  if (event?.case === 'folded') return event.value.notifications.at(-1)?.notification?.current?.value
  return event?.case === 'notifications' ? event.value.notifications.at(-1)?.current?.value : undefined
}
