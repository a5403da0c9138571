import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { DeliveryMode, ValueType, type Registration, type SubscriptionSchema } from '@qcore/contracts'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest'
import { openConnection } from './_notifier.ts'
import { startNotifierProcess, type NotifierProcess } from './_notifier-process.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'
import { Listener, Receiving, register, registrationClient, type RegistrationClient } from './_registrations.ts'

/** What is promised, and a little for a busy machine. */
const replacedWithinMs = 3_000
const startUpMs = 10_000

vi.setConfig({ testTimeout: 60_000 })

let connection: NatsConnection
let store: RawStore
let client: RegistrationClient
let running: AsyncDisposableStack
const files = new AsyncDisposableStack()

beforeAll(async () => {
  connection = await openConnection()
  files.defer(() => connection.close())
})

afterAll(() => files.disposeAsync())

beforeEach(async () => {
  running = new AsyncDisposableStack()
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'e1', parentId: '' })
  client = await registrationClient(connection, store.store)
})

afterEach(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

function change(to: string): ReturnType<typeof fieldChanged> {
  return fieldChanged('e1', 'Level', stringValue(to), stringValue(''))
}

/** A subscriber as the documentation tells to write one: it keeps one number. */
class Follower implements Disposable {
  readonly #listener: Listener
  reached: number
  repeats = 0
  gaps = 0
  readonly seen: number[] = []
  /** The longest time between two messages, in milliseconds. */
  longestSilenceMs = 0
  #heardAt = performance.now()

  constructor({ subject, deliveredRevision }: Registration, from: NatsConnection = connection) {
    this.reached = Number(deliveredRevision)
    this.#listener = new Listener(from, subject, {
      onMessage: ({ delivery }) => {
        if (delivery.event.case === 'progress') return
        const [previous, revision] = [Number(delivery.previousRevision), Number(delivery.revision)]
        if (revision <= this.reached) {
          this.repeats += 1
          return
        }
        if (previous > this.reached) this.gaps += 1
        this.reached = revision
        this.seen.push(revision)
        const now = performance.now()
        this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#heardAt)
        this.#heardAt = now
      },
    })
  }

  get listener(): Listener {
    return this.#listener
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]()
  }
}

/** Commits again and again while something happens. Gives the first and last revision. */
async function whileWriting(happening: () => Promise<void>, pauseMs = 20): Promise<[first: number, last: number]> {
  const over = new AbortController()
  const first = await store.append([[change('first')]])
  let last = first
  const writing = (async () => {
    while (!over.signal.aborted) {
      last = await store.append([[change('again')]])
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  })()
  try {
    await happening()
  } finally {
    over.abort()
    await writing
  }
  return [first, last]
}

/** Registers several, so that each notifier has some. */
async function registerAll(count: number): Promise<Registration[]> {
  return Promise.all(Array.from({ length: count }, () => register(client, { subscriptions: [level] })))
}

async function startTwo(environments: [Record<string, string>, Record<string, string>] = [{}, {}]) {
  const first = running.use(await startNotifierProcess(store.store, environments[0]))
  const second = running.use(await startNotifierProcess(store.store, environments[1]))
  await sharedOut(2)
  return [first, second] as const
}

/** Waits until so many notifiers own all buckets between them. */
async function sharedOut(notifiers: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await store.pool.query<{ owner: string; count: number }>(
        'select owner, count(*)::int as count from registration_bucket group by owner',
      )
      expect(rows.every(({ owner }) => owner !== '')).toBe(true)
      expect(rows).toHaveLength(notifiers)
    },
    { timeout: startUpMs, interval: 50 },
  )
}

/** All of them have everything from a revision to another, in order, once. */
async function expectAll(followers: readonly Follower[], [first, last]: readonly [number, number]): Promise<void> {
  const all = Array.from({ length: last - first + 1 }, (_, n) => first + n)
  await vi.waitFor(
    () => {
      for (const { seen } of followers) expect(seen.at(-1)).toBe(last)
    },
    { timeout: 10_000 },
  )
  for (const { seen, gaps } of followers) {
    expect(seen).toEqual(all)
    expect(gaps).toBe(0)
  }
}

async function pass(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function tryIt(break_: (first: NotifierProcess) => Promise<void>, environment: Record<string, string> = {}) {
  const [first] = await startTwo([environment, {}])
  const followers = (await registerAll(16)).map((registration) => new Follower(registration))
  for (const follower of followers) running.use(follower)
  const range = await whileWriting(async () => {
    await pass(1_500)
    await break_(first)
  })
  await expectAll(followers, range)
  return followers
}

function expectReplacedInTime(followers: readonly Follower[]): void {
  expect(Math.max(...followers.map(({ longestSilenceMs }) => longestSilenceMs))).toBeLessThan(replacedWithinMs)
}

it('a notifier that is killed is replaced within three seconds, from where it was', async () => {
  const followers = await tryIt(async (first) => {
    first.kill('SIGKILL')
    await pass(4_000)
  })
  expectReplacedInTime(followers)
})

it('a notifier that is suspended is replaced, and does no harm when it revives', async () => {
  const followers = await tryIt(async (first) => {
    first.kill('SIGSTOP')
    await pass(4_000)
    first.kill('SIGCONT')
    await pass(2_000)
  })
  expectReplacedInTime(followers)
})

it('a notifier that is stopped hands over: nothing is repeated, and nobody waits for its lease', async () => {
  const followers = await tryIt(async (first) => {
    first.kill('SIGTERM')
    await first.exited
    await pass(500)
  })
  expect(followers.map(({ repeats }) => repeats)).toEqual(followers.map(() => 0))
  expect(Math.max(...followers.map(({ longestSilenceMs }) => longestSilenceMs))).toBeLessThan(1_000)
})

it('a notifier that joins gets its share: nothing is missed or repeated', async () => {
  const followers = await tryIt(async () => {
    running.use(await startNotifierProcess(store.store))
    await sharedOut(3)
    await pass(500)
  })
  expect(followers.map(({ repeats }) => repeats)).toEqual(followers.map(() => 0))
})

it('a notifier that NATS does not reach any more is replaced within three seconds', async () => {
  const nats = running.use(await openFaultProxy(inject('natsUrl')))
  const followers = await tryIt(
    async () => {
      nats.hold()
      await pass(4_500)
      nats.restore()
      await pass(1_500)
    },
    { Q_NATS_ADDR: nats.url },
  )
  expectReplacedInTime(followers)
})

it('a notifier that PostgreSQL does not reach any more is replaced within three seconds', async () => {
  const postgres = running.use(await openFaultProxy(inject('postgresUrl')))
  const followers = await tryIt(
    async () => {
      postgres.hold()
      await pass(4_500)
      postgres.restore()
      await pass(1_500)
    },
    { Q_POSTGRES_ADDR: postgres.url },
  )
  expectReplacedInTime(followers)
})

it('what NATS lost is sent again: a connection that broke loses nothing', async () => {
  const nats = running.use(await openFaultProxy(inject('natsUrl')))
  running.use(await startNotifierProcess(store.store, { Q_NATS_ADDR: nats.url }))
  await sharedOut(1)
  const followers = (await registerAll(8)).map((registration) => new Follower(registration))
  for (const follower of followers) running.use(follower)
  const range = await whileWriting(async () => {
    for (let round = 0; round < 3; round += 1) {
      await pass(700)
      nats.cut()
      await pass(100)
      nats.restore()
    }
    await pass(1_000)
  }, 2)
  await expectAll(followers, range)
})

it('a subscriber that missed messages sees the gap, and gets them with Receive', async () => {
  running.use(await startNotifierProcess(store.store))
  const nats = running.use(await openFaultProxy(inject('natsUrl')))
  const theirs = await openConnection(nats.url)
  running.defer(() => theirs.close())
  const registration = await register(client, { subscriptions: [level] })
  using follower = new Follower(registration, theirs)
  await theirs.flush()
  const before = await store.append([[change('heard')]])
  await vi.waitFor(() => expect(follower.seen).toEqual([before]))
  nats.cut()
  const missed = await store.append([[change('missed')], [change('missed too')]])
  nats.restore()
  await vi.waitFor(async () => theirs.flush(), { timeout: 5_000 })
  const after = await store.append([[change('heard again')]])
  await vi.waitFor(() => expect(follower.gaps).toBe(1), { timeout: 5_000 })
  expect(follower.seen).toEqual([before, after])
  await using receiving = new Receiving(client, { token: registration.token, resumeAfter: BigInt(before) })
  expect(Number((await receiving.change()).revision)).toBe(missed - 1)
  expect(Number((await receiving.change()).revision)).toBe(missed)
})

it('a shared registration goes on at another notifier with what nobody has taken', async () => {
  const [first] = await startTwo()
  const registrations = await Promise.all(
    Array.from({ length: 8 }, () =>
      register(client, { subscriptions: [level], delivery: DeliveryMode.SHARED, ackTimeoutMs: 500 }),
    ),
  )
  const taken = registrations.map(({ subject }) => {
    const revisions = new Set<number>()
    const onMessage: ConstructorParameters<typeof Listener>[2] = {
      queue: 'tests',
      onMessage: ({ delivery, message }) => {
        // Every third message is lost on the way to the worker.
        if (Number(delivery.revision) % 3 === 0 && delivery.attempt === 1) return
        revisions.add(Number(delivery.revision))
        message.respond()
      },
    }
    running.use(new Listener(connection, subject, onMessage))
    return revisions
  })
  const [from, to] = await whileWriting(async () => {
    await pass(1_000)
    first.kill('SIGKILL')
    await pass(4_000)
  })
  await vi.waitFor(
    () => {
      for (const revisions of taken) expect(revisions.size).toBe(to - from + 1)
    },
    { timeout: 10_000 },
  )
})

it('leases that end while no notifier is there are seen to have ended when one is', async () => {
  const first = running.use(await startNotifierProcess(store.store))
  const { token, subject } = await register(client, { subscriptions: [level], leaseMs: 1_000 })
  using listener = new Listener(connection, subject)
  first.kill('SIGKILL')
  await first.exited
  await pass(1_200)
  running.use(await startNotifierProcess(store.store))
  expect((await listener.last('ended', startUpMs)).event.value).toMatchObject({ code: 'registration_expired' })
  expect((await client.getRegistration({ token })).registration?.end?.code).toBe('registration_expired')
})

it('a registration of a store that was replaced ends, and says so', async () => {
  running.use(await startNotifierProcess(store.store))
  const { token, subject } = await register(client, { subscriptions: [level] })
  using listener = new Listener(connection, subject)
  await store.pool.query(`update head set log_id = 'another'`)
  expect((await listener.last('ended', startUpMs)).event.value).toMatchObject({ code: 'log_replaced' })
  await vi.waitFor(async () => {
    expect((await client.getRegistration({ token })).registration?.end?.code).toBe('log_replaced')
  })
})
