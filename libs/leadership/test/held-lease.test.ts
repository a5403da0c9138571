import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldLease, type LeadershipStore } from '../src/index.ts'
import { leadershipServers, type LeadershipServer } from './_leadership-servers.ts'

const timing = { leaseMs: 2_000, renewMs: 400, marginMs: 500 }
const waiting = { timeout: 15_000, interval: 50 }

describe.each(leadershipServers)('a lease that is held over %s', (_name, start) => {
  let server: LeadershipServer
  let other: LeadershipStore
  let key = ''

  beforeAll(async () => {
    server = await start()
    other = await server.open()
  }, 60_000)

  afterAll(async () => {
    await other[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    key = `app ${randomUUID()}`
  })

  async function taken(store: LeadershipStore, after = 0): Promise<HeldLease> {
    const held = await HeldLease.take(store, { key, holder: 'a', after }, timing)
    if (held === undefined) throw new Error('the lease is taken')
    return held
  }

  it('is renewed for as long as it is held, and free at once when it is given up', async () => {
    await using store = await server.open()
    await using held = await taken(store)
    const askedMs = performance.now()
    await vi.waitFor(async () => {
      expect(await other.acquire({ key, holder: 'b', leaseMs: 60_000 })).toBeUndefined()
      expect(performance.now() - askedMs).toBeGreaterThan(timing.leaseMs * 2)
    }, waiting)
    expect(held.isSafe).toBe(true)
    expect(await held.release()).toBe(true)
    expect(held.losing.reason).toBe('released')
    expect([held.isSafe, held.leftMs]).toEqual([false, 0])
    expect(await other.acquire({ key, holder: 'b', leaseMs: 60_000 })).toBe(2)
  })

  it('is refused while another one holds it, with what the caller knows of tokens', async () => {
    await using store = await server.open()
    await using held = await taken(store, 6)
    expect(held.lease.token).toBe(7)
    expect(await HeldLease.take(other, { key, holder: 'b' }, timing)).toBeUndefined()
  })

  it.each(['cut', 'hold'] as const)(
    'is said to be lost before it can be taken, when the server is out of reach (%s)',
    async (fault) => {
      await using proxy = await server.proxy()
      await using store = await server.open(proxy)
      await using held = await taken(store)
      let leftMs = -1
      let takenBefore: boolean | undefined
      let isTaken = false
      held.losing.addEventListener('abort', () => {
        leftMs = held.leftMs
        takenBefore = isTaken
      })
      proxy[fault]()
      await vi.waitFor(async () => {
        expect(await other.acquire({ key, holder: 'b', leaseMs: 60_000 })).toBeDefined()
        isTaken = true
      }, waiting)
      expect(held.losing.reason).toBe('expiring')
      expect(takenBefore).toBe(false)
      expect(leftMs).toBeGreaterThan(0)
      expect(held.leftMs).toBe(0)
      proxy.cut()
    },
  )

  it('outlives an outage that is shorter than the lease', async () => {
    await using proxy = await server.proxy()
    await using store = await server.open(proxy)
    await using held = await taken(store)
    proxy.cut()
    await vi.waitFor(() => expect(held.leftMs).toBeLessThan(timing.leaseMs - timing.renewMs - 50), {
      timeout: 2_000,
      interval: 10,
    })
    proxy.restore()
    await vi.waitFor(() => expect(held.leftMs).toBeGreaterThan(timing.leaseMs - timing.renewMs), {
      timeout: 5_000,
      interval: 10,
    })
    expect(held.isSafe).toBe(true)
  })

  it('is lost at once when the server says that it is over', async () => {
    await using store = await server.open()
    await using held = await taken(store)
    expect(await other.release(held.lease)).toBe(true)
    await vi.waitFor(() => expect(held.losing.aborted).toBe(true), waiting)
    expect([held.losing.reason, held.leftMs, held.isSafe]).toEqual(['refused', 0, false])
  })
})
