import { create } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openConnection, startNotifier } from './_notifier.ts'
import { stringValue } from './_records.ts'
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
let staff: RegistrationClient
let plain: RegistrationClient
const running = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createWrittenStore(connection))
  const schema = create(TypeSchemaSchema, {
    type: 'Person',
    fields: [
      { name: 'Phone', valueType: ValueType.STRING },
      { name: 'Salary', valueType: ValueType.STRING, permissions: { read: ['staff'] } },
    ],
  })
  await store.commit(
    { case: 'setSchema', value: { schema } },
    { case: 'createEntity', value: { type: 'Person', parentId: store.rootId, name: 'Ada', entityId: 'ada' } },
  )
  running.use(await startNotifier(store.store))
  staff = await registrationClient(connection, store.store, { scopes: ['permission:staff'] })
  plain = await registrationClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const target = { case: 'entityType', value: 'Person' } as const
const salaries = { target, fields: ['Salary'] }
const both = { target, fields: ['Phone', 'Salary'] }

function write(field: string, to: string): Promise<number> {
  return store.commit({ case: 'writeField', value: { entityId: 'ada', field, value: stringValue(to) } })
}

it('what a token may not see cannot be registered', async () => {
  expect(await errorOf(register(plain, { subscriptions: [salaries] }))).toMatchObject({
    code: 'unknown_field',
    field: 'subscriptions[0].fields[0]',
  })
})

it('a registration sees what the token of its last renewal allows', async () => {
  const { token, subject } = await register(staff, { subscriptions: [both] })
  using listener = new Listener(connection, subject)
  const first = await write('Salary', '1')
  await vi.waitFor(() => expect(listener.revisions).toEqual([first]))
  await plain.renew({ tokens: [token] })
  expect(await untilSalary('is hidden', listener)).toBe(true)
  await staff.renew({ tokens: [token] })
  expect(await untilSalary('is seen', listener)).toBe(true)
})

/** Writes until the notifier knows what the registration may see now. */
async function untilSalary(state: 'is hidden' | 'is seen', listener: Listener): Promise<boolean> {
  const until = performance.now() + 10_000
  while (performance.now() < until) {
    const salary = await write('Salary', `${performance.now()}`)
    const phone = await write('Phone', `${performance.now()}`)
    await vi.waitFor(() => expect(listener.revisions.at(-1)).toBe(phone))
    if (listener.revisions.includes(salary) === (state === 'is seen')) return true
  }
  return false
}

it('who may see less than a registration may not receive it', async () => {
  const { token } = await register(staff, { subscriptions: [both] })
  expect(await errorOf(new Receiving(plain, { token }).next())).toMatchObject({ code: 'permission_denied' })
  await using receiving = new Receiving(staff, { token })
  expect((await receiving.next())?.event.case).toBe('live')
})

it('a stream of Receive ends when the registration may see something else', async () => {
  const { token } = await register(staff, { subscriptions: [both] })
  await using receiving = new Receiving(staff, { token })
  await receiving.next()
  await plain.renew({ tokens: [token] })
  const end = await (async () => {
    for (;;) await receiving.next()
  })().catch((error: unknown) => error)
  expect(end).toMatchObject({ code: 'unavailable' })
})
