import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  AccessLevel,
  BodyFormat,
  type DeliveryMode,
  registrationSubject,
  ValueType,
  type SubscriptionSchema,
} from '@qcore/contracts'
import { readHead } from '@qcore/database'
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
  for (const id of ['e1', 'e2']) await store.addEntity({ id, type: 'Tank', name: id, parentId: '' })
  running.use(await startNotifier(store.store, { Q_REGISTRATIONS_PER_SUBJECT: '50' }))
  client = await registrationClient(connection, store.store)
  // JSON leaves a revision 0 out.
  await store.append([[]])
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

function change(to: string, from = '', entityId = 'e1'): ReturnType<typeof fieldChanged> {
  return fieldChanged(entityId, 'Level', stringValue(to), stringValue(from))
}

describe('a registration', () => {
  it('sends each revision to whoever subscribes, as JSON, with an id and the range that it covers', async () => {
    const { token, subject, deliveredRevision } = await register(client, { subscriptions: [level] })
    expect(subject).toBe(registrationSubject(store.store, token))
    using first = new Listener(connection, subject)
    using second = new Listener(connection, subject)
    const live = Number(deliveredRevision)
    await store.append([[change('a')], [change('b', 'a')]])
    await vi.waitFor(() => expect(first.revisions).toEqual([live + 1, live + 2]))
    await vi.waitFor(() => expect(second.revisions).toEqual(first.revisions))
    expect(first.changes.map(({ previousRevision }) => Number(previousRevision))).toEqual([live, live + 1])
    const { message, delivery } = first.heard[0] ?? {}
    expect(message?.headers?.get('Nats-Msg-Id')).toBe(delivery?.id)
    expect(message?.json()).toMatchObject({
      revision: `${live + 1}`,
      previousRevision: `${live}`,
      notifications: { notifications: [{ current: { value: { string: 'a' } } }] },
    })
  })

  it('sends protobuf if asked to', async () => {
    const { subject } = await register(client, { subscriptions: [level], bodyFormat: BodyFormat.PROTO })
    using listener = new Listener(connection, subject)
    const last = await store.append([[change('p')]])
    await vi.waitFor(() => expect(listener.revisions).toEqual([last]))
    expect(listener.heard[0]?.message.headers?.get('Content-Type')).toBe('application/proto')
  })

  it('begins after a revision if asked to', async () => {
    const before = (await readHead(store.pool)).revision
    const last = await store.append([[change('1')], [change('2')], [change('3')]])
    const { subject, token } = await register(client, { subscriptions: [level], resumeAfter: BigInt(before + 1) })
    using listener = new Listener(connection, subject)
    await using receiving = new Receiving(client, { token, resumeAfter: BigInt(before + 1) })
    expect(Number((await receiving.change()).revision)).toBe(before + 2)
    expect(Number((await receiving.change()).revision)).toBe(last)
    await store.append([[change('4')]])
    await vi.waitFor(() => expect(listener.revisions.at(-1)).toBe(last + 1))
  })

  it('tells how far it is although nothing concerns it', async () => {
    const { subject } = await register(client, { subscriptions: [level] })
    using listener = new Listener(connection, subject)
    const last = await store.append([[]])
    await vi.waitFor(async () => expect(Number((await listener.last('progress')).revision)).toBe(last), 8_000)
  })

  it('tells again how far it is after its last change, so that a lost one is noticed', async () => {
    const { subject } = await register(client, { subscriptions: [level] })
    const last = await store.append([[change('lost')]])
    using listener = new Listener(connection, subject)
    await vi.waitFor(
      async () => {
        const { previousRevision, revision } = await listener.last('progress', 8_000)
        expect([Number(previousRevision), Number(revision)]).toEqual([last, last])
      },
      { timeout: 8_000 },
    )
  })

  it('that names what is not there is refused, and the error names the part', async () => {
    const target = { case: 'entityType', value: 'Nothing' } as const
    expect(await errorOf(register(client, { subscriptions: [{ ...level, target }] }))).toMatchObject({
      code: 'unknown_type',
      field: 'subscriptions[0].entity_type',
    })
    expect(await errorOf(register(client, { subscriptions: [{ ...level, fields: ['Nope'] }] }))).toMatchObject({
      code: 'unknown_field',
      field: 'subscriptions[0].fields[0]',
    })
    expect(await errorOf(register(client, { subscriptions: [{ ...level, context: ['a->'] }] }))).toMatchObject({
      code: 'invalid_path',
      field: 'subscriptions[0].context[0]',
    })
    expect(await errorOf(register(client, { subscriptions: [level], resumeAfter: 9_999_999n }))).toMatchObject({
      code: 'future_revision',
    })
    expect(await errorOf(register(client, { subscriptions: [level], logId: 'other' }))).toMatchObject({
      code: 'log_replaced',
    })
  })

  it.each([
    ['service', { service: 'no spaces' }],
    ['lease_ms', { leaseMs: 999 }],
    ['ack_timeout_ms', { ackTimeoutMs: 99 }],
    ['max_unacknowledged', { maxUnacknowledged: 1_001 }],
    ['min_interval_ms', { minIntervalMs: 60_001 }],
    ['delivery', { delivery: 9 as DeliveryMode }],
  ])('with a wrong %s is refused', async (field, init) => {
    const error = await errorOf(register(client, { subscriptions: [level], ...init }))
    expect(error).toMatchObject({ code: 'invalid_request', field })
  })

  it('with a key is joined by who asks for the same, and refused to who asks for another', async () => {
    const request = { subscriptions: [level], key: 'shared one', service: 'tests' }
    const first = await client.register(request)
    const second = await client.register({ ...request, resumeAfter: 1n })
    expect([first.joined, second.joined]).toEqual([false, true])
    expect(second.registration?.token).toBe(first.registration?.token)
    expect(await errorOf(client.register({ ...request, leaseMs: 5_000 }))).toMatchObject({
      code: 'registration_conflict',
      field: 'key',
    })
    const other = await registrationClient(connection, store.store, { subject: 'somebody else' })
    expect((await other.register(request)).joined).toBe(false)
  })

  it('with a key is made once, however many ask at once', async () => {
    const request = { subscriptions: [level], key: 'race', service: 'tests' }
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.register(request)))
    expect(new Set(answers.map(({ registration }) => registration?.token)).size).toBe(1)
    expect(answers.filter(({ joined }) => !joined)).toHaveLength(1)
  })

  it('beyond what a subject may have is refused', async () => {
    const greedy = await registrationClient(connection, store.store, { subject: 'greedy' })
    for (let n = 0; n < 50; n += 1) await register(greedy, { subscriptions: [level] })
    expect(await errorOf(register(greedy, { subscriptions: [level] }))).toMatchObject({
      code: 'too_many_registrations',
    })
  })
})

describe('a lease', () => {
  it('that is not renewed ends the registration: a last message, a listed end, a refused renewal', async () => {
    const { subject, token } = await register(client, { subscriptions: [level], leaseMs: 1_000 })
    using listener = new Listener(connection, subject)
    const last = await store.append([[change('before the end')]])
    const ended = await listener.last('ended', 8_000)
    expect(ended.event.value).toMatchObject({ code: 'registration_expired' })
    expect(listener.revisions).toEqual([last])
    const { registration } = await client.getRegistration({ token })
    expect(registration?.end?.code).toBe('registration_expired')
    await vi.waitFor(async () => {
      const after = await client.getRegistration({ token })
      expect(Number(after.registration?.end?.deliveredRevision)).toBe(last)
    })
    const { outcomes } = await client.renew({ tokens: [token, 'unknown'] })
    expect(outcomes.map(({ outcome }) => outcome.case === 'problem' && outcome.value.code)).toEqual([
      'registration_expired',
      'unknown_registration',
    ])
    await store.append([[change('after the end')]])
    const listed = await client.listRegistrations({ includeEnded: true, limit: 1_000 })
    expect(listed.registrations.some((each) => each.token === token && each.end !== undefined)).toBe(true)
    const present = await client.listRegistrations({ limit: 1_000 })
    expect(present.registrations.some((each) => each.token === token)).toBe(false)
    expect(listener.revisions).toEqual([last])
  })

  it('that is renewed goes on', async () => {
    const { subject, token } = await register(client, { subscriptions: [level], leaseMs: 1_000 })
    using listener = new Listener(connection, subject)
    for (const renewUntil = performance.now() + 2_500; performance.now() < renewUntil;) {
      const { outcomes } = await client.renew({ tokens: [token] })
      expect(outcomes[0]?.outcome.case).toBe('leaseEnd')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    const last = await store.append([[change('still there')]])
    await vi.waitFor(() => expect(listener.revisions).toEqual([last]))
  })

  it('does not outlive the token that it was made with', async () => {
    const short = await registrationClient(connection, store.store, { subject: 'short', lifetimeSeconds: 60 })
    const { leaseEnd } = await register(short, { subscriptions: [level], leaseMs: 3_600_000 })
    expect(Number(leaseEnd?.seconds) * 1_000 - Date.now()).toBeLessThan(91_000)
  })
})

describe('the end of a registration', () => {
  it('by its owner is told at its subject, and nothing comes after', async () => {
    const { subject, token } = await register(client, { subscriptions: [level] })
    using listener = new Listener(connection, subject)
    const { registration } = await client.unregister({ token })
    expect(registration?.end?.code).toBe('registration_ended')
    expect((await listener.last('ended')).event.value).toMatchObject({ code: 'registration_ended' })
    await client.unregister({ token })
    expect(await errorOf(new Receiving(client, { token }).next())).toMatchObject({
      code: 'registration_ended',
      metadata: { ended_code: 'registration_ended' },
    })
  })

  it('is nobody else’s to bring about, or to see, but an admin’s', async () => {
    const { token } = await register(client, { subscriptions: [level] })
    const other = await registrationClient(connection, store.store, { subject: 'other' })
    expect(await errorOf(other.unregister({ token }))).toMatchObject({ code: 'unknown_registration', field: 'token' })
    expect(await errorOf(other.getRegistration({ token }))).toMatchObject({ code: 'unknown_registration' })
    const { outcomes } = await other.renew({ tokens: [token] })
    expect(outcomes[0]?.outcome).toMatchObject({ case: 'problem', value: { code: 'unknown_registration' } })
    expect(await errorOf(other.listRegistrations({ allOwners: true }))).toMatchObject({ code: 'permission_denied' })
    const admin = await registrationClient(connection, store.store, { subject: 'boss', level: AccessLevel.ADMIN })
    const { registrations } = await admin.listRegistrations({ allOwners: true, limit: 1_000 })
    expect(registrations.some((each) => each.token === token)).toBe(true)
    expect((await admin.unregister({ token })).registration?.end?.message).toBe('boss ended it')
  })
})

describe('receiving', () => {
  it('brings the messages of the subject, with the same ids, in the same order', async () => {
    const { subject, token, deliveredRevision } = await register(client, { subscriptions: [level] })
    using listener = new Listener(connection, subject)
    await using receiving = new Receiving(client, { token, resumeAfter: deliveredRevision })
    expect((await receiving.next())?.event).toMatchObject({ case: 'live', value: { revision: deliveredRevision } })
    await store.append([[change('x')], [], [change('y', 'x'), change('z', '', 'e2')]])
    await vi.waitFor(() => expect(listener.changes).toHaveLength(2))
    const received = [await receiving.change(), await receiving.change()]
    expect(received.map(({ id }) => id)).toEqual(listener.changes.map(({ id }) => id))
    expect(received.map(({ event }) => event)).toEqual(listener.changes.map(({ event }) => event))
  })

  it('goes on where the subject was left, and the subject where it was left, without loss', async () => {
    const { subject, token } = await register(client, { subscriptions: [level] })
    const seen: number[] = []
    const first = new Listener(connection, subject)
    await store.append([[change('1')], [change('2')]])
    await vi.waitFor(() => expect(first.revisions).toHaveLength(2))
    seen.push(...first.revisions)
    first[Symbol.dispose]()
    await store.append([[change('3')], [change('4')]])
    {
      await using receiving = new Receiving(client, { token, resumeAfter: BigInt(seen.at(-1) ?? 0) })
      for (let n = 0; n < 2; n += 1) seen.push(Number((await receiving.change()).revision))
    }
    using second = new Listener(connection, subject)
    const last = await store.append([[change('5')]])
    await vi.waitFor(() => expect(second.revisions).toEqual([last]))
    expect(Number(second.changes[0]?.previousRevision)).toBe(seen.at(-1))
    expect(seen).toEqual([last - 4, last - 3, last - 2, last - 1])
  })

  it('ends with the registration, with the same last message', async () => {
    const { token } = await register(client, { subscriptions: [level] })
    await using receiving = new Receiving(client, { token })
    await receiving.next()
    await client.unregister({ token })
    for (;;) {
      const delivery = await receiving.next()
      if (delivery?.event.case === 'progress') continue
      expect(delivery?.event).toMatchObject({ case: 'ended', value: { code: 'registration_ended' } })
      break
    }
    expect(await receiving.next()).toBeUndefined()
  })

  it('of an unknown registration is refused', async () => {
    expect(await errorOf(new Receiving(client, { token: 'nothing' }).next())).toMatchObject({
      code: 'unknown_registration',
    })
  })
})
