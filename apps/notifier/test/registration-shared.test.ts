import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { Acknowledgement, DeliveryMode, ValueType, type Registration, type SubscriptionSchema } from '@qcore/contracts'
import { metricsText } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openConnection, startNotifier } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'
import {
  errorOf,
  Listener,
  Receiving,
  register,
  registrationClient,
  type Heard,
  type RegistrationClient,
} from './_registrations.ts'

let connection: NatsConnection
let store: RawStore
let client: RegistrationClient
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'e1', parentId: '' })
  running.use(await startNotifier(store.store))
  client = await registrationClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

function change(to: string): ReturnType<typeof fieldChanged> {
  return fieldChanged('e1', 'Level', stringValue(to), stringValue(''))
}

function shared(
  rest: { ackTimeoutMs?: number; maxUnacknowledged?: number; maxAttempts?: number } = {},
): Promise<Registration> {
  return register(client, {
    subscriptions: [level],
    service: 'workers',
    delivery: DeliveryMode.SHARED,
    ackTimeoutMs: 200,
    ...rest,
  })
}

function instance(subject: string, onMessage: (heard: Heard) => void): Listener {
  return new Listener(connection, subject, { queue: 'workers', onMessage })
}

const take = ({ message }: Heard): void => void message.respond()
const ignore = (): void => {}

async function deliveredRevision(token: string): Promise<number> {
  return Number((await client.getRegistration({ token })).registration?.deliveredRevision)
}

describe('shared delivery', () => {
  it('gives each message to one of the instances', async () => {
    const { subject, token } = await shared()
    using a = instance(subject, take)
    using b = instance(subject, take)
    const last = await store.append(Array.from({ length: 40 }, (_, n) => [change(`${n}`)]))
    await vi.waitFor(() => expect(a.heard.length + b.heard.length).toBe(40))
    expect(new Set([...a.revisions, ...b.revisions]).size).toBe(40)
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(last), 5_000)
  })

  it('gives a message that nobody took in time to another one, with the same id', async () => {
    const { subject } = await shared()
    using deaf = instance(subject, ignore)
    using hearing = instance(subject, take)
    await store.append(Array.from({ length: 20 }, (_, n) => [change(`${n}`)]))
    await vi.waitFor(() => expect(new Set(hearing.revisions).size).toBe(20), { timeout: 10_000 })
    const again = hearing.heard.find(({ delivery }) => delivery.attempt > 1)
    expect(deaf.heard.map(({ delivery }) => delivery.id)).toContain(again?.delivery.id)
  })

  it('holds a message until somebody is there', async () => {
    const { subject } = await shared()
    const last = await store.append([[change('nobody listens')]])
    await vi.waitFor(async () => expect(await metricOfRedelivery()).toBeGreaterThan(0))
    using late = instance(subject, take)
    await vi.waitFor(() => expect(late.revisions).toEqual([last]), { timeout: 5_000 })
  })

  it('gives a message back that was refused, and waits longer for one that is being worked on', async () => {
    const { subject, token } = await shared({ ackTimeoutMs: 1_000 })
    const attempts: number[] = []
    using busy = instance(subject, ({ message, delivery }) => {
      attempts.push(delivery.attempt)
      if (delivery.attempt === 1) message.respond('-NAK')
      else {
        const timer = setInterval(() => message.respond('+WPI'), 100)
        setTimeout(() => {
          clearInterval(timer)
          message.respond('+ACK')
        }, 2_500)
      }
    })
    const last = await store.append([[change('hard work')]])
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(last), { timeout: 5_000 })
    expect(attempts).toEqual([1, 2])
    expect(busy.heard).toHaveLength(2)
  })

  it('gives a message up that is refused again and again, tells so, and goes on', async () => {
    const { subject, token, maxAttempts } = await shared({ maxAttempts: 3 })
    expect(maxAttempts).toBe(3)
    using undelivered = new Listener(connection, `${subject}.undelivered`)
    using worker = instance(subject, ({ message, delivery }) => {
      const { event } = delivery
      const value = event.case === 'notifications' ? event.value.notifications[0]?.current?.value?.kind.value : ''
      if (value === 'good') message.respond()
      // Either way it is not taken.
      else if (delivery.attempt === 1) message.respond('-NAK')
    })
    const [bad, good] = [await store.append([[change('bad')]]), await store.append([[change('good')]])]
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(good))
    expect(worker.revisions.filter((revision) => revision === bad)).toHaveLength(3)
    await vi.waitFor(() => expect(undelivered.revisions).toEqual([bad]))
    expect(undelivered.heard[0]?.delivery).toMatchObject({ attempt: 3, id: worker.heard[0]?.delivery.id })
    await using receiving = new Receiving(client, { token, resumeAfter: BigInt(bad - 1) })
    expect(Number((await receiving.change()).revision)).toBe(bad)
  })

  it('does not give a message up because nobody is there', async () => {
    const { subject } = await shared({ maxAttempts: 1 })
    const before = await metricOfRedelivery()
    const last = await store.append([[change('waits')]])
    await vi.waitFor(async () => expect(await metricOfRedelivery()).toBeGreaterThan(before + 2))
    using late = instance(subject, take)
    await vi.waitFor(() => expect(late.revisions).toEqual([last]))
  })

  it('takes a reply that comes late: the message is not sent a third time', async () => {
    const { subject, token } = await shared()
    const held: Heard[] = []
    using slow = instance(subject, (heard) => {
      held.push(heard)
      if (held.length === 2) held[0]?.message.respond()
    })
    const last = await store.append([[change('late')]])
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(last), { timeout: 5_000 })
    expect(slow.heard).toHaveLength(2)
  })

  it('has no more messages on their way than was asked for, and none is delivered before those before it', async () => {
    const { subject, token, deliveredRevision: live } = await shared({ maxUnacknowledged: 3, ackTimeoutMs: 60_000 })
    const held: Heard[] = []
    using slow = instance(subject, (heard) => void held.push(heard))
    const last = await store.append(Array.from({ length: 10 }, (_, n) => [change(`${n}`)]))
    await vi.waitFor(() => expect(held).toHaveLength(3))
    held[2]?.message.respond()
    held[1]?.message.respond()
    await vi.waitFor(async () => expect((await client.getRegistration({ token })).registration).toBeDefined())
    expect(await deliveredRevision(token)).toBe(Number(live))
    held[0]?.message.respond()
    await vi.waitFor(() => expect(held).toHaveLength(6))
    for (let next = 3; next < 10; next += 1) {
      await vi.waitFor(() => expect(held.length).toBeGreaterThan(next))
      held[next]?.message.respond()
    }
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(last), { timeout: 5_000 })
    expect(slow.revisions).toEqual(Array.from({ length: 10 }, (_, n) => last - 9 + n))
  })

  it('that nobody takes from costs no other registration anything', async () => {
    const stuck = await shared({ ackTimeoutMs: 60_000 })
    const deaf = instance(stuck.subject, ignore)
    const fine = await register(client, { subscriptions: [level] })
    using listener = new Listener(connection, fine.subject)
    const last = await store.append(Array.from({ length: 3_000 }, (_, n) => [change(`${n}`)]))
    await vi.waitFor(() => expect(listener.revisions.at(-1)).toBe(last), { timeout: 10_000 })
    expect(listener.revisions).toHaveLength(3_000)
    await vi.waitFor(() => expect(deaf.heard).toHaveLength(64))
    deaf[Symbol.dispose]()
    for (const { message } of deaf.heard) message.respond()
    using hearing = instance(stuck.subject, take)
    await vi.waitFor(() => expect(hearing.revisions.length + deaf.heard.length).toBeGreaterThan(1_000), {
      timeout: 10_000,
    })
  })
})

describe('an instance that NATS does not reach', () => {
  it('receives its share, and acknowledges it', async () => {
    const { subject, token } = await shared({ ackTimeoutMs: 2_000 })
    using plain = instance(subject, take)
    await using receiving = new Receiving(client, { token, asInstance: true })
    expect((await receiving.next())?.event.case).toBe('live')
    const last = await store.append(Array.from({ length: 30 }, (_, n) => [change(`${n}`)]))
    const revisions = new Set<number>()
    while (revisions.size + plain.heard.length < 30) {
      const delivery = await receiving.change()
      revisions.add(Number(delivery.revision))
      await client.acknowledge({ token, ackIds: [delivery.ackId] })
    }
    await vi.waitFor(async () => expect(await deliveredRevision(token)).toBe(last))
    expect([...revisions, ...plain.revisions].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, n) => last - 29 + n),
    )
  })

  it('gives back what it does not take, refuses, or leaves behind', async () => {
    const { token, subject } = await shared({ ackTimeoutMs: 60_000 })
    {
      await using receiving = new Receiving(client, { token, asInstance: true })
      await receiving.next()
      await store.append([[change('refused')]])
      const first = await receiving.change()
      expect(first.attempt).toBe(1)
      await client.acknowledge({ token, ackIds: [first.ackId], acknowledgement: Acknowledgement.REFUSED })
      const again = await receiving.change()
      expect([again.id, again.attempt]).toEqual([first.id, 2])
      await client.acknowledge({ token, ackIds: [again.ackId] })
    }
    const last = await store.append([[change('left behind')]])
    using plain = instance(subject, take)
    await vi.waitFor(() => expect(plain.revisions).toEqual([last]), { timeout: 5_000 })
  })

  it('is told when the registration ends', async () => {
    const { token } = await shared()
    await using receiving = new Receiving(client, { token, asInstance: true })
    await receiving.next()
    await client.unregister({ token })
    expect((await receiving.next())?.event).toMatchObject({ case: 'ended', value: { code: 'registration_ended' } })
    expect(await receiving.next()).toBeUndefined()
  })

  it('is refused if the registration is not shared, or what it acknowledges is nothing', async () => {
    const { token } = await register(client, { subscriptions: [level] })
    expect(await errorOf(new Receiving(client, { token, asInstance: true }).next())).toMatchObject({
      code: 'invalid_request',
      field: 'as_instance',
    })
    expect(await errorOf(client.acknowledge({ token, ackIds: ['q.main.log'] }))).toMatchObject({
      code: 'invalid_request',
      field: 'ack_ids[0]',
    })
    expect(await errorOf(client.acknowledge({ token: 'nothing', ackIds: ['a.1'] }))).toMatchObject({
      code: 'unknown_registration',
    })
  })
})

async function metricOfRedelivery(): Promise<number> {
  const name = 'qcore_notifier_registration_redelivered_total'
  const line = (await metricsText()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}
