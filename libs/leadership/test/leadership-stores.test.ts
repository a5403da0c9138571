import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Lease, LeadershipStore } from '../src/index.ts'
import { leadershipServers, type LeadershipServer } from './_leadership-servers.ts'

/** Long enough not to end within a test. */
const longMs = 60_000
/** Short enough to wait for. */
const shortMs = 400
const waiting = { timeout: 15_000, interval: 50 }

describe.each(leadershipServers)('a leadership store over %s', (_name, start) => {
  let server: LeadershipServer
  let store: LeadershipStore
  let other: LeadershipStore
  let key = ''

  beforeAll(async () => {
    server = await start()
    store = await server.open()
    other = await server.open()
  }, 60_000)

  afterAll(async () => {
    await store[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    key = `app ${randomUUID()}`
  })

  async function take(holder: string, leaseMs = longMs, of = store): Promise<Lease> {
    const token = await vi.waitFor(async () => {
      const granted = await of.acquire({ key, holder, leaseMs })
      expect(granted).toBeDefined()
      return granted ?? 0
    }, waiting)
    return { key, holder, token }
  }

  it('grants a lease to one, and refuses others and the same one again', async () => {
    expect(await store.acquire({ key, holder: 'a', leaseMs: longMs })).toBe(1)
    expect(await other.acquire({ key, holder: 'b', leaseMs: longMs })).toBeUndefined()
    expect(await store.acquire({ key, holder: 'a', leaseMs: longMs })).toBeUndefined()
  })

  it('grants a lease to exactly one of many who ask at once', async () => {
    const claims = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : other).acquire({ key, holder: `holder ${index}`, leaseMs: longMs }),
    )
    const tokens = await Promise.all(claims)
    expect(tokens.filter((token) => token !== undefined)).toEqual([1])
  })

  it('keeps the leases of different keys apart', async () => {
    await take('a')
    expect(await store.acquire({ key: `${key} two`, holder: 'b', leaseMs: longMs })).toBe(1)
  })

  it('grants greater and greater tokens, after a release, after an end, and after what the caller knows', async () => {
    const first = await take('a')
    await store.release(first)
    const second = await take('b', shortMs, other)
    const third = await take('c')
    expect([first.token, second.token, third.token]).toEqual([1, 2, 3])
    await store.release(third)
    expect(await store.acquire({ key, holder: 'd', leaseMs: longMs, after: 41 })).toBe(42)
  })

  it('lets a renewed lease outlast the time that it was granted for', async () => {
    const renewed = await take('a', shortMs * 2)
    expect(await store.renew(renewed, longMs)).toBe(true)
    const later = await store.acquire({ key: `${key} later`, holder: 'a', leaseMs: shortMs * 2 })
    expect(later).toBe(1)
    await vi.waitFor(
      async () => expect(await other.acquire({ key: `${key} later`, holder: 'b', leaseMs: shortMs })).toBe(2),
      waiting,
    )
    expect(await other.acquire({ key, holder: 'b', leaseMs: longMs })).toBeUndefined()
  })

  it('neither renews nor releases a lease for anyone but its holder with its token', async () => {
    const lease = await take('a', shortMs * 5)
    for (const wrong of [{ holder: 'b' }, { token: lease.token + 1 }, { token: lease.token - 1 }]) {
      expect(await other.renew({ ...lease, ...wrong }, longMs)).toBe(false)
      expect(await other.release({ ...lease, ...wrong })).toBe(false)
    }
    expect(await other.acquire({ key, holder: 'b', leaseMs: longMs })).toBeUndefined()
    // A renewal that was refused has not let it last any longer either.
    await take('b', longMs, other)
  })

  it('neither renews nor releases a lease that has ended, and leaves its successor alone', async () => {
    const ended = await take('a', shortMs)
    const present = await take('b', longMs, other)
    expect(await store.renew(ended, longMs)).toBe(false)
    expect(await store.release(ended)).toBe(false)
    expect(await other.renew(present, longMs)).toBe(true)
    expect(await other.release(present)).toBe(true)
    expect(await other.release(present)).toBe(false)
    expect(await other.renew(present, longMs)).toBe(false)
  })

  it('does not renew a lease that has ended and that nobody took', async () => {
    const ended = await take('a', shortMs)
    const clock = { key: `${key} clock`, leaseMs: shortMs }
    await store.acquire({ ...clock, holder: 'a' })
    await vi.waitFor(async () => expect(await store.acquire({ ...clock, holder: 'b' })).toBe(2), waiting)
    await using unaware = await server.open()
    expect(await unaware.renew(ended, longMs)).toBe(false)
    expect(await store.renew(ended, longMs)).toBe(false)
    expect(await store.acquire({ key, holder: 'a', leaseMs: longMs })).toBe(2)
  })

  it('lists live candidates in the order in which they came, wherever they announced themselves', async () => {
    await store.announce({ key, holder: 'b', ttlMs: longMs })
    await other.announce({ key, holder: 'a', ttlMs: longMs })
    expect(await store.announce({ key, holder: 'b', ttlMs: longMs })).toEqual(['b', 'a'])
    await other.withdraw({ key, holder: 'b' })
    expect(await other.announce({ key, holder: 'a', ttlMs: longMs })).toEqual(['a'])
    expect(await store.announce({ key, holder: 'b', ttlMs: longMs })).toEqual(['a', 'b'])
    expect(await store.announce({ key: `${key} two`, holder: 'c', ttlMs: longMs })).toEqual(['c'])
  })

  it('forgets a candidate that did not announce itself again', async () => {
    await store.announce({ key, holder: 'a', ttlMs: shortMs })
    expect(await other.announce({ key, holder: 'b', ttlMs: longMs })).toContain('b')
    await vi.waitFor(
      async () => expect(await other.announce({ key, holder: 'b', ttlMs: longMs })).toEqual(['b']),
      waiting,
    )
    expect(await store.announce({ key, holder: 'a', ttlMs: longMs })).toEqual(['b', 'a'])
  })

  it.each([
    ['key', { key: '', holder: 'a', leaseMs: longMs }],
    ['key', { key: 'x'.repeat(201), holder: 'a', leaseMs: longMs }],
    ['holder', { key: 'k', holder: 'a\nb', leaseMs: longMs }],
    ['leaseMs', { key: 'k', holder: 'a', leaseMs: 0 }],
    ['leaseMs', { key: 'k', holder: 'a', leaseMs: 0.5 }],
  ])('refuses a wrong %s', async (field, claim) => {
    await expect(store.acquire(claim)).rejects.toMatchObject({ code: 'invalid_request', field })
  })

  it('says in bounded time that it is cut off, grants nothing later, and works when it is not', async () => {
    await using proxy = await server.proxy()
    await using far = await server.open(proxy)
    expect(await far.acquire({ key: `${key} before`, holder: 'a', leaseMs: longMs })).toBe(1)
    for (const fault of [() => proxy.cut(), () => proxy.hold()]) {
      fault()
      const askedMs = performance.now()
      await expect(far.acquire({ key, holder: 'a', leaseMs: longMs })).rejects.toMatchObject({ code: 'unavailable' })
      expect(performance.now() - askedMs).toBeLessThan(6_000)
      proxy.cut()
      proxy.restore()
    }
    expect(await store.acquire({ key, holder: 'b', leaseMs: longMs })).toBe(1)
    await vi.waitFor(
      async () => expect(await far.acquire({ key, holder: 'a', leaseMs: longMs })).toBeUndefined(),
      waiting,
    )
  })

  it('gives a call up when its signal says so', async () => {
    await using proxy = await server.proxy()
    await using far = await server.open(proxy)
    const lease = { key, holder: 'a', token: (await far.acquire({ key, holder: 'a', leaseMs: longMs })) ?? 0 }
    proxy.hold()
    const askedMs = performance.now()
    await expect(far.renew(lease, longMs, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - askedMs).toBeLessThan(1_500)
    proxy.cut()
  })
})
