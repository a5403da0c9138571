import { randomUUID } from 'node:crypto'
import { commit, connect, type Client } from '@qcore/client'
import { openFaultProxy } from '@qcore/fault-proxy'
import {
  PostgresLeadershipStore,
  QcoreLeadershipStore,
  RedisLeadershipStore,
  type LeadershipStore,
} from '@qcore/leadership'
import { startRedis, type BackingServer } from '@qcore/local-stack'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { LeadershipWorker, StoreWorker, type Application, type Worker, type WorkerHandle } from '../src/index.ts'
import { loggedApplication } from './_logged-application.ts'
import { startStore, type TestStore } from './_store.ts'

/** A lease that a busy machine does not let run out; it is waited for in few tests. */
const timing = { leaseMs: 4_000, checkMs: 20 }
const waiting = { timeout: 30_000, interval: 20 }

let store: TestStore
let redis: BackingServer
let q: Client
let name = ''
let instances: Instance[] = []

interface Instance extends AsyncDisposable {
  readonly app: Application
  readonly leadership: LeadershipWorker
  readonly store: StoreWorker
  /** The signals, in order. */
  readonly events: string[]
  /** Two more workers. */
  readonly others: readonly WorkerHandle[]
}

beforeAll(async () => {
  store = await startStore()
  redis = await startRedis()
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: store.token })
  await q.setSchema({ type: 'Counter', fields: { Value: 'Int' } })
}, 60_000)

afterAll(async () => {
  await q.close()
  await redis[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

beforeEach(() => {
  name = `app-${randomUUID()}`
  instances = []
})

afterEach(async () => {
  await Promise.all(instances.map((instance) => instance[Symbol.asyncDispose]()))
})

const redisLeases = (url = redis.url): LeadershipStore => new RedisLeadershipStore({ address: url })

/** Starts an instance of the test's application. */
async function start(leases = redisLeases(), natsUrl = inject('natsUrl')): Promise<Instance> {
  const client = await connect({ servers: natsUrl, store: store.name, token: store.token })
  const { app } = loggedApplication(name, { tickMs: 10 })
  const storeWorker = new StoreWorker(client, { checkMs: 50, answerTimeoutMs: 5_000 })
  const leadership = new LeadershipWorker(storeWorker, leases, timing)
  const events: string[] = []
  leadership.becameLeader.connect(() => void events.push('leader'))
  leadership.becameFollower.connect(() => void events.push('follower'))
  leadership.becameUnavailable.connect(() => void events.push('unavailable'))
  leadership.losingLeadership.connect(() => void events.push('losing'))
  const others: WorkerHandle[] = []
  const other = (): Worker => ({ init: (handle) => void others.push(handle) })
  app.add(storeWorker, leadership, other(), other())
  const instance = {
    app,
    others,
    leadership,
    store: storeWorker,
    events,
    async [Symbol.asyncDispose]() {
      await app.stop()
      await leases[Symbol.asyncDispose]()
      await client.close()
    },
  }
  instances.push(instance)
  await app.start()
  return instance
}

async function startLeader(leases?: LeadershipStore, natsUrl?: string): Promise<Instance> {
  const instance = await start(leases, natsUrl)
  await vi.waitFor(() => expect(instance.leadership.isLeader).toBe(true), waiting)
  return instance
}

async function startFollower(leases?: LeadershipStore): Promise<Instance> {
  const instance = await start(leases)
  await vi.waitFor(() => expect(instance.leadership.state).toBe('follower'), waiting)
  return instance
}

async function fieldOf(instance: Instance, field: string) {
  return (await q.read(instance.store.service, field, { consistency: 'latest' })).value
}

async function newCounter() {
  return q.create('Counter', { parent: await q.root(), name: 'counter' })
}

describe.each([
  ['Redis', () => redisLeases()],
  ['PostgreSQL', () => new PostgresLeadershipStore({ address: inject('postgresUrl') })],
  ['qcore', () => new QcoreLeadershipStore(q)],
] as const)('leadership over %s', (_name, leases) => {
  it('has one leader, the store says who, and the next one follows when it stops', async () => {
    const first = await startLeader(leases())
    const second = await startFollower(leases())
    expect(first.events).toEqual(['follower', 'leader'])
    expect(await fieldOf(first, 'Leader')).toBe(first.app.instanceId)
    expect(await fieldOf(first, 'LeaderTerm')).toBe(BigInt(first.leadership.term ?? 0))
    // One that a busy machine kept from announcing itself for a lease is the younger one then.
    const candidates = [first.app.instanceId, second.app.instanceId].sort()
    await vi.waitFor(async () => {
      const known = await fieldOf(first, 'Candidates')
      expect(typeof known === 'string' ? known.split(',').sort() : known).toEqual(candidates)
    }, waiting)
    const { term = 0 } = first.leadership
    const beganMs = performance.now()
    await first.app.stop()
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
    // Nobody had to wait for the lease to end.
    expect(performance.now() - beganMs).toBeLessThan(timing.leaseMs)
    expect(first.events).toEqual(['follower', 'leader', 'losing', 'unavailable'])
    expect(second.events).toEqual(['follower', 'leader'])
    expect(second.leadership.term).toBeGreaterThan(term)
    expect(await fieldOf(second, 'Leader')).toBe(second.app.instanceId)
  })
})

describe('the leader', () => {
  it('shows that it is alive', async () => {
    const leader = await startLeader()
    const read = () => q.read(leader.store.service, 'HeartbeatTrigger')
    const { revision } = await read()
    await vi.waitFor(async () => expect((await read()).revision).toBeGreaterThan(revision), waiting)
  })

  it('hands over when FailOverTrigger is written, and may lead again later', async () => {
    const first = await startLeader()
    const second = await startFollower()
    await q.write(first.store.service, 'FailOverTrigger', 0)
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
    expect(first.events).toEqual(['follower', 'leader', 'losing', 'follower'])
    await q.write(first.store.service, 'FailOverTrigger', 0)
    await vi.waitFor(() => expect(first.leadership.isLeader).toBe(true), waiting)
    expect(second.events).toEqual(['follower', 'leader', 'losing', 'follower'])
  })

  it('that hands over with nobody to follow leads again after a pause', async () => {
    const only = await startLeader()
    only.leadership.handOver()
    await vi.waitFor(() => expect(only.events).toEqual(['follower', 'leader', 'losing', 'follower', 'leader']), waiting)
  })

  it('keeps its lease until the slots of losingLeadership are done, and can commit in them', async () => {
    const first = await startLeader()
    const second = await startFollower()
    const counter = await newCounter()
    const release = Promise.withResolvers<void>()
    let written: Promise<unknown> | undefined
    first.leadership.losingLeadership.connect(async () => {
      expect(first.leadership.isLeader).toBe(false)
      written = first.leadership.commit(commit().write(counter, 'Value', 7n))
      await written
      await release.promise
    })
    first.leadership.handOver()
    await vi.waitFor(() => expect(written).toBeDefined(), waiting)
    await written
    expect((await q.read(counter, 'Value')).value).toBe(7n)
    expect(second.leadership.state).toBe('follower')
    release.resolve()
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
  })

  it('is not held up by a slot of losingLeadership that never ends', async () => {
    const first = await startLeader()
    const second = await startFollower()
    first.leadership.losingLeadership.connect(() => new Promise(() => {}))
    first.leadership.handOver()
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
  })

  it.each(['cut', 'hold'] as const)(
    'that cannot reach the leadership store (%s) is told before its lease can be taken, and is unavailable then',
    async (fault) => {
      await using proxy = await openFaultProxy(redis.url)
      const first = await startLeader(redisLeases(proxy.url))
      const second = await startFollower()
      const order: string[] = []
      first.leadership.losingLeadership.connect(() => void order.push('first loses'))
      second.leadership.becameLeader.connect(() => void order.push('second leads'))
      proxy[fault]()
      await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
      expect(order).toEqual(['first loses', 'second leads'])
      expect(first.leadership.isLeader).toBe(false)
      expect(() => first.leadership.guard(commit())).toThrow(expect.objectContaining({ code: 'stale_term' }))
      await vi.waitFor(() => expect(first.leadership.state).toBe('unavailable'), waiting)
      proxy.cut()
      proxy.restore()
      await vi.waitFor(() => expect(first.leadership.state).toBe('follower'), waiting)
      expect(second.leadership.isLeader).toBe(true)
    },
  )

  it('that cannot reach the store hands over, and is available when it can', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    const first = await startLeader(redisLeases(), proxy.url)
    const second = await startFollower()
    proxy.cut()
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
    expect(first.events).toEqual(['follower', 'leader', 'losing', 'unavailable'])
    proxy.restore()
    await vi.waitFor(() => expect(first.leadership.state).toBe('follower'), waiting)
  })

  it('is one that is available: a criterion that does not hold any more makes it hand over', async () => {
    let isWarm = true
    const first = await startLeader()
    const second = await startFollower()
    first.leadership.addAvailabilityCriteria({ name: 'warm', holds: () => isWarm })
    isWarm = false
    await vi.waitFor(() => expect(second.leadership.isLeader).toBe(true), waiting)
    expect(first.events).toEqual(['follower', 'leader', 'losing', 'unavailable'])
    expect((await first.app.checkHealth()).find((check) => check.name === 'leadership')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('warm') as string,
    })
    await vi.waitFor(() => expect(second.leadership.candidates).toEqual([second.app.instanceId]), waiting)
    isWarm = true
    await vi.waitFor(() => expect(first.leadership.state).toBe('follower'), waiting)
  })

  it('is told before the next turn of any worker that its lease may have ended meanwhile', async () => {
    const leader = await startLeader()
    const [one, other] = leader.others
    const events = await new Promise<string[]>((resolve) => {
      // The process does nothing else for longer than the lease, as one that was stopped.
      one?.enqueue(() => {
        const endMs = performance.now() + timing.leaseMs
        while (performance.now() < endMs);
      })
      other?.enqueue(() => resolve([...leader.events]))
    })
    expect(events.slice(0, 3)).toEqual(['follower', 'leader', 'losing'])
  })

  it('goes on when one of its slots throws', async () => {
    const first = await start()
    first.leadership.becameLeader.connect(() => {
      throw new Error('a slot')
    })
    await vi.waitFor(() => expect(first.leadership.isLeader).toBe(true), waiting)
  })
})

describe('a commit that carries a term', () => {
  it('is made while the term is the newest, and refused when it is not, whatever the instance believes', async () => {
    const counter = await newCounter()
    const leader = await startLeader()
    const guarded = leader.leadership.guard(commit().write(counter, 'Value', 1n))
    await q.commit(guarded)
    // Somebody else leads, and this instance has not noticed yet.
    await q.write(leader.store.service, 'LeaderTerm', BigInt((leader.leadership.term ?? 0) + 1))
    const late = commit().write(counter, 'Value', 2n)
    await expect(leader.leadership.commit(late)).rejects.toMatchObject({ code: 'stale_term' })
    await expect(q.commit(guarded)).rejects.toMatchObject({
      code: 'condition_failed',
      field: 'conditions[0].field_value',
    })
    expect((await q.read(counter, 'Value')).value).toBe(1n)
    expect(leader.events).toContain('losing')
    // It leads again with a term that is greater than the one that it met.
    await vi.waitFor(() => expect(leader.leadership.isLeader).toBe(true), waiting)
    expect(await fieldOf(leader, 'LeaderTerm')).toBe(BigInt(leader.leadership.term ?? 0))
  })

  it('has a term that the store did not know yet: one that is not greater is given back for one that is', async () => {
    const leader = await startLeader()
    const known = BigInt(leader.leadership.term ?? 0) + 5n
    // As after an outage of the leadership store that this instance knows nothing of.
    await q.write(leader.store.service, 'LeaderTerm', known)
    leader.leadership.handOver()
    await vi.waitFor(() => expect(leader.leadership.state).toBe('follower'), waiting)
    await vi.waitFor(() => expect(leader.leadership.isLeader).toBe(true), waiting)
    expect(leader.leadership.term).toBe(Number(known) + 1)
    expect(await fieldOf(leader, 'Leader')).toBe(leader.app.instanceId)
  })

  it('cannot be made by an instance that does not lead', async () => {
    const leader = await startLeader()
    const follower = await startFollower()
    expect(follower.leadership.term).toBeUndefined()
    await expect(follower.leadership.commit(commit())).rejects.toMatchObject({ code: 'stale_term' })
    expect(leader.leadership.isLeader).toBe(true)
  })

  it('keeps its own conditions, whose failure says nothing of the leader', async () => {
    const counter = await newCounter()
    const leader = await startLeader()
    const wrong = commit().write(counter, 'Value', 1n).ifValue(counter, 'Value', 9n)
    await expect(leader.leadership.commit(wrong)).rejects.toMatchObject({ code: 'condition_failed' })
    expect(leader.leadership.isLeader).toBe(true)
  })

  it('is safe when the leadership store loses its data: terms go on growing', async () => {
    const counter = await newCounter()
    const first = await startLeader()
    const { term = 0 } = first.leadership
    const old = first.leadership.guard(commit().write(counter, 'Value', 1n))
    // As an emptied Redis: neither lease nor token.
    const raw = new Redis(redis.url)
    await raw.flushall()
    raw.disconnect()
    const second = await start()
    await vi.waitFor(
      () => expect([first, second].filter(({ leadership }) => leadership.isLeader)).toHaveLength(1),
      waiting,
    )
    await vi.waitFor(async () => expect(await fieldOf(first, 'LeaderTerm')).toBeGreaterThan(BigInt(term)), waiting)
    await expect(q.commit(old)).rejects.toMatchObject({ code: 'condition_failed' })
  })
})
