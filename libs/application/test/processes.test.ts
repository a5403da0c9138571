import { connect, type Client, type Entity } from '@qcore/client'
import { freePort, startRedis, type BackingServer } from '@qcore/local-stack'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { startInstance } from './_instance-process.ts'
import { startStore, type TestStore } from './_store.ts'

const waiting = { timeout: 20_000, interval: 20 }
const longTestMs = 60_000

let store: TestStore
let redis: BackingServer
let q: Client
let counter: Entity
let env: Record<string, string> = {}

beforeAll(async () => {
  redis = await startRedis()
  store = await startStore()
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: store.token })
  await q.setSchema({ type: 'Counter', fields: { Value: 'Int' } })
}, 60_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

beforeEach(async () => {
  counter = await q.create('Counter', { parent: await q.root(), name: 'counter' })
  env = {
    Q_NATS_ADDR: inject('natsUrl'),
    Q_STORE: store.name,
    Q_TOKEN: store.token,
    Q_LEADER_STORE_ADDR: `${redis.host}:${redis.port}`,
    COUNTER: counter.id,
  }
})

describe('an instance in a process of its own', () => {
  it(
    'that was stopped for longer than its lease learns that before its next turn, and its old commit is refused',
    {
      timeout: longTestMs,
    },
    async () => {
      await using first = startInstance(env)
      await vi.waitFor(() => expect(first.lines).toContain('turn as leader'), waiting)
      await using second = startInstance(env)
      await vi.waitFor(() => expect(second.lines).toContain('follower'), waiting)
      first.child.kill('SIGSTOP')
      await vi.waitFor(() => expect(second.lines).toContain('turn as leader'), waiting)
      const before = first.lines.length
      first.child.kill('SIGCONT')
      await vi.waitFor(() => expect(first.lines.slice(before)).toContain('prepared commit: condition_failed'), waiting)
      expect(first.lines[before]).toBe('losing')
      expect(first.lines.slice(before)).not.toContain('turn as leader')
      expect((await q.read(counter, 'Value', { consistency: 'latest' })).value).toBe(0n)
      await vi.waitFor(() => expect(first.lines.slice(before)).toContain('follower'), waiting)
      expect(second.lines).not.toContain('losing')
    },
  )

  it('that is killed is followed by another one when its lease has ended', { timeout: longTestMs }, async () => {
    await using first = startInstance(env)
    await vi.waitFor(() => expect(first.lines).toContain('turn as leader'), waiting)
    await using second = startInstance(env)
    await vi.waitFor(() => expect(second.lines).toContain('follower'), waiting)
    const beganMs = performance.now()
    first.child.kill('SIGKILL')
    await vi.waitFor(() => expect(second.lines).toContain('turn as leader'), waiting)
    expect(performance.now() - beganMs).toBeLessThan(4_000)
  })

  it('ends in order at SIGTERM: first its workers, then its leadership', { timeout: longTestMs }, async () => {
    await using instance = startInstance(env)
    await vi.waitFor(() => expect(instance.lines).toContain('turn as leader'), waiting)
    instance.child.kill('SIGTERM')
    expect(await instance.ended).toBe(0)
    expect(instance.lines.slice(instance.lines.lastIndexOf('turn as leader') + 1)).toEqual([
      'stopping',
      'deinit',
      'losing',
      'prepared commit: made',
      'over',
    ])
  })

  it('that does not come to its end is ended, in bounded time', { timeout: longTestMs }, async () => {
    await using instance = startInstance({ ...env, HANG: 'yes' })
    await vi.waitFor(() => expect(instance.lines).toContain('turn as leader'), waiting)
    const beganMs = performance.now()
    instance.child.kill('SIGTERM')
    expect(await instance.ended).not.toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(6_000)
    expect(instance.lines).toContain('losing')
  })

  it('ends at once at a second signal', { timeout: longTestMs }, async () => {
    await using instance = startInstance({ ...env, HANG: 'yes' })
    await vi.waitFor(() => expect(instance.lines).toContain('turn as leader'), waiting)
    instance.child.kill('SIGINT')
    await vi.waitFor(() => expect(instance.lines).toContain('stopping'), waiting)
    instance.child.kill('SIGTERM')
    expect(await instance.ended).toBe('SIGKILL')
  })

  it('serves its health and metrics where it is told to', { timeout: longTestMs }, async () => {
    const address = `127.0.0.1:${await freePort()}`
    await using instance = startInstance({ ...env, Q_HEALTH_ADDR: address })
    await vi.waitFor(() => expect(instance.lines).toContain('turn as leader'), waiting)
    const ready = await fetch(`http://${address}/readyz`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ ready: true })
    const metrics = await (await fetch(`http://${address}/metrics`)).text()
    expect(metrics).toContain('qcore_application_leader 1')
    expect(metrics).toContain('qcore_worker_turn_seconds_count{worker="counting"}')
  })
})
