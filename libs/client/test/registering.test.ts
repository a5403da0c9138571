import { connect as connectNats } from '@nats-io/transport-node'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import {
  connect,
  QError,
  type ChangeCallback,
  type Client,
  type ListedRegistration,
  type RegisteredChange,
} from '../src/index.ts'
import { natsClient, spawnService, startStore, type TestStore } from './_store.ts'

let store: TestStore
let token: string
let q: Client
let lamp: string
const running = new AsyncDisposableStack()

vi.setConfig({ testTimeout: 60_000 })

beforeAll(async () => {
  store = running.use(await startStore(['auth', 'reader', 'writer', 'notifier', 'gateway']))
  token = await store.mint()
  q = running.use(await natsClient(store, token))
  await q.setSchema({ type: 'Device', fields: { Level: 'Int', Status: 'String' } })
  lamp = (await q.create('Device', { parent: await q.root(), name: 'lamp' })).id
})

afterAll(() => running.disposeAsync())

const levels = { service: 'tests', targets: [{ type: 'Device', fields: ['Level'] }] } as const

/** The value of the field that was written. */
function valueOf({ notification }: RegisteredChange): unknown {
  const current: unknown = 'current' in notification ? notification.current : undefined
  return typeof current === 'object' && current !== null && 'value' in current ? current.value : undefined
}

function collector() {
  const values: unknown[] = []
  return { values, take: (change: RegisteredChange) => void values.push(valueOf(change)) }
}

async function listAll(client: Client, includeEnded = false): Promise<ListedRegistration[]> {
  const all: ListedRegistration[] = []
  for await (const each of client.registrations({ includeEnded })) all.push(each)
  return all
}

async function writeLevels(from: number, to: number): Promise<number> {
  let revision = 0
  for (let level = from; level <= to; level += 1) revision = (await q.write(lamp, 'Level', level)).revision
  return revision
}

function numbers(from: number, to: number): bigint[] {
  return Array.from({ length: to - from + 1 }, (_, n) => BigInt(from + n))
}

describe('a registration of the client', () => {
  it.each(['nats', 'http'] as const)('calls back for each change over %s, in order, once', async (way) => {
    await using client = way === 'nats' ? await natsClient(store, token) : await connect({ url: store.url, token })
    const { values, take } = collector()
    const progress: number[] = []
    await using registration = await client.register(levels, take, {
      onProgress: (revision) => progress.push(revision),
    })
    const last = await writeLevels(1, 20)
    await vi.waitFor(() => expect(values).toEqual(numbers(1, 20)), 10_000)
    await vi.waitFor(() => expect(registration.position.revision).toBeGreaterThanOrEqual(last))
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    await writeLevels(0, 0)
  })

  it('goes on in another program, by another way, where one has left it', async () => {
    const { values, take } = collector()
    await using client = await natsClient(store, token)
    const first = await client.register({ ...levels, key: 'moving' }, take)
    await writeLevels(100, 110)
    await vi.waitFor(() => expect(values).toHaveLength(11))
    await first.leave()
    await writeLevels(111, 120)
    await using other = await connect({ url: store.url, token })
    const second = await other.register({ ...levels, key: 'moving' }, take, { resumeAfter: first.position })
    expect(second.token).toBe(first.token)
    await writeLevels(121, 130)
    await vi.waitFor(() => expect(values).toEqual(numbers(100, 130)), 10_000)
    await second.unregister()
  })

  it('ends for all who share it when one ends it', async () => {
    const { take } = collector()
    await using one = await natsClient(store, token)
    await using two = await natsClient(store, token)
    const first = await one.register({ ...levels, key: 'together' }, take)
    const second = await two.register({ ...levels, key: 'together' }, take)
    await first.unregister()
    await first.closed
    await expect(second.closed).rejects.toMatchObject({ code: 'registration_ended' })
  })

  it('that nobody else has ends with it', async () => {
    const { take } = collector()
    const registration = await q.register(levels, take)
    const listed = await listAll(q)
    expect(listed.map((each) => each.token)).toContain(registration.token)
    await registration[Symbol.asyncDispose]()
    await registration.closed
    const after = await listAll(q, true)
    expect(after.find((each) => each.token === registration.token)?.end?.code).toBe('registration_ended')
  })

  it('keeps its lease while it is followed', async () => {
    const { values, take } = collector()
    await using registration = await q.register({ ...levels, leaseMs: 1_000 }, take)
    const made = registration.token
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await writeLevels(200, 203)
    await vi.waitFor(() => expect(values).toEqual(numbers(200, 203)))
    expect(registration.token).toBe(made)
  })

  it('is made anew when its lease has ended, and what came meanwhile is told', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    await using client = await natsClient(store, token, nats.url)
    const { values, take } = collector()
    await using registration = await client.register({ ...levels, leaseMs: 1_000 }, take)
    const made = registration.token
    await writeLevels(300, 301)
    await vi.waitFor(() => expect(values).toHaveLength(2))
    nats.cut()
    await writeLevels(302, 305)
    await vi.waitFor(
      async () => {
        const all = await listAll(q, true)
        expect(all.find((each) => each.token === made)?.end?.code).toBe('registration_expired')
      },
      { timeout: 10_000 },
    )
    nats.restore()
    await writeLevels(306, 310)
    await vi.waitFor(() => expect(values).toEqual(numbers(300, 310)), { timeout: 20_000 })
    expect(registration.token).not.toBe(made)
  })

  it('gets what it missed while its connection was gone', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    await using client = await natsClient(store, token, nats.url)
    const { values, take } = collector()
    await using registration = await client.register(levels, take)
    await writeLevels(400, 402)
    await vi.waitFor(() => expect(values).toHaveLength(3))
    nats.cut()
    await writeLevels(403, 450)
    nats.restore()
    await writeLevels(451, 460)
    await vi.waitFor(() => expect(values).toEqual(numbers(400, 460)), { timeout: 20_000 })
    expect(registration.cancellation).toBeUndefined()
  })

  it('whose callback is slow loses nothing', async () => {
    const values: unknown[] = []
    const gate = Promise.withResolvers<void>()
    await using registration = await q.register(levels, async (change) => {
      await gate.promise
      values.push(valueOf(change))
    })
    await Promise.all(Array.from({ length: 1_500 }, (_, n) => q.write(lamp, 'Level', 10_000 + n)))
    gate.resolve()
    await vi.waitFor(() => expect(values.length).toBe(1_500), { timeout: 20_000 })
    expect(values).toEqual(numbers(10_000, 11_499))
    expect(registration.cancellation).toBeUndefined()
  })

  it.each(['nats', 'http'] as const)('whose callback throws ends with that, over %s', async (way) => {
    await using client = way === 'nats' ? await natsClient(store, token) : await connect({ url: store.url, token })
    const failures = [new Error('mine'), new QError('unavailable', 'mine'), new QError('unknown_registration', 'mine')]
    const callbacks = failures.map((failure) =>
      vi.fn<ChangeCallback>(() => {
        throw failure
      }),
    )
    const registrations = await Promise.all(callbacks.map((callback) => client.register(levels, callback)))
    const ends = Promise.allSettled(registrations.map(({ closed }) => closed))
    await writeLevels(1, 2)
    expect(await ends).toEqual(failures.map((reason) => ({ status: 'rejected', reason })))
    for (const callback of callbacks) expect(callback).toHaveBeenCalledOnce()
  })

  it('outlives a message at its subject that is none', async () => {
    await using client = await natsClient(store, token)
    const { values, take } = collector()
    await using registration = await client.register(levels, take)
    const stranger = await connectNats({ servers: inject('natsUrl').replace('nats://', '') })
    stranger.publish(registration.subject, new Uint8Array([0xff]))
    await stranger.drain()
    // A connection that nobody reads any more is only noticed, and made anew, after four seconds.
    await client.status({ timeoutMs: 3_000 })
    await writeLevels(700, 710)
    await vi.waitFor(() => expect(values).toEqual(numbers(700, 710)), { timeout: 20_000 })
  })

  it('ends with its signal, and with the client', async () => {
    const { take } = collector()
    const client = await natsClient(store, token)
    const controller = new AbortController()
    const first = await client.register(levels, take, { signal: controller.signal })
    const second = await client.register(levels, take)
    controller.abort()
    await first.closed
    expect(first.cancellation?.code).toBe('canceled')
    await client.close()
    await second.closed
    expect(second.cancellation?.code).toBe('canceled')
  })

  it('can be left though the store is not there', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    const client = await natsClient(store, token, nats.url)
    const registration = await client.register({ ...levels, leaseMs: 1_000 }, () => {})
    nats.hold()
    const startedAt = performance.now()
    await registration[Symbol.asyncDispose]()
    await registration.closed
    await client.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  it('that asks for what is not there is refused', async () => {
    const targets = [{ type: 'Device', fields: ['Nothing'] }]
    await expect(q.register({ service: 'tests', targets }, () => {})).rejects.toMatchObject({
      code: 'unknown_field',
      field: 'subscriptions[0].fields[0]',
    })
  })

  it('goes on when the notifier that delivers it is killed', async () => {
    await using other = spawnService('notifier', store.env)
    const { values, take } = collector()
    const registrations = await Promise.all(Array.from({ length: 8 }, () => q.register(levels, take)))
    // Until it has its share: nothing tells that to a client.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await writeLevels(500, 510)
    await other.kill()
    await writeLevels(511, 520)
    await vi.waitFor(() => expect(values).toHaveLength(21 * 8), { timeout: 20_000 })
    for (const level of numbers(500, 520)) expect(values.filter((value) => value === level)).toHaveLength(8)
    await Promise.all(registrations.map((registration) => registration[Symbol.asyncDispose]()))
  })
})

describe('a shared registration of the client', () => {
  it.each([
    ['nats', 'nats'],
    ['nats', 'http'],
    ['http', 'http'],
  ])('gives each change to one of those who share it (%s, %s), and again if that one failed', async (...ways) => {
    const clients = await Promise.all(
      ways.map((way) => (way === 'nats' ? natsClient(store, token) : connect({ url: store.url, token }))),
    )
    const [one, two] = clients
    if (one === undefined || two === undefined) throw new Error('there are two')
    const input = { ...levels, key: `workers ${ways.join(' ')}`, delivery: 'shared', ackTimeoutMs: 5_000 } as const
    const a = collector()
    const b = collector()
    const failed: unknown[] = []
    const first = await one.register(
      input,
      (change) => {
        const value = valueOf(change)
        if (value === 610n && failed.length === 0) {
          failed.push(value)
          throw new Error('not now')
        }
        a.take(change)
      },
      { onInterruption: () => {} },
    )
    const second = await two.register(
      input,
      (change) => {
        const value = valueOf(change)
        if (value === 610n && failed.length === 0) {
          failed.push(value)
          throw new Error('not now')
        }
        b.take(change)
      },
      { onInterruption: () => {} },
    )
    await writeLevels(600, 640)
    await vi.waitFor(() => expect(new Set([...a.values, ...b.values]).size).toBe(41), { timeout: 10_000 })
    expect(a.values.length + b.values.length).toBe(41)
    expect(failed).toHaveLength(1)
    expect(a.values.length).toBeGreaterThan(0)
    expect(b.values.length).toBeGreaterThan(0)
    await first.leave()
    await second.unregister()
    for (const client of clients) await client.close()
  })
})
