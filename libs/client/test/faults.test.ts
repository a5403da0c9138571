import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { connect, type Client, type Entity } from '../src/index.ts'
import { freePort, natsClient, spawnService, startStore, type ServiceProcess, type TestStore } from './_store.ts'

/** How long a service may take to be there again, a lease that has to end included. */
const outageMs = 25_000

let store: TestStore
let token = ''
let writer: ServiceProcess
let notifier: ServiceProcess
let reader: ServiceProcess
let counter: Entity

beforeAll(async () => {
  store = await startStore(['auth', 'gateway'])
  writer = spawnService('writer', store.env)
  notifier = spawnService('notifier', store.env)
  reader = spawnService('reader', store.env)
  token = await store.mint()
  await using q = await connect({ servers: inject('natsUrl'), store: store.name, token, timeoutMs: outageMs })
  await q.setSchema({ type: 'Counter', fields: { Value: 'Int' } })
  counter = await q.create('Counter', { parent: await q.root(), name: 'counter' })
}, 60_000)

afterAll(async () => {
  await Promise.all([writer, notifier, reader].map((service) => service[Symbol.asyncDispose]()))
  await store[Symbol.asyncDispose]()
})

/** Follows the counter; `values` are what it was told, in order. */
async function follow(q: Client): Promise<{ values: bigint[]; interruptions: string[] }> {
  const values: bigint[] = []
  const interruptions: string[] = []
  await q.notify(
    { entity: counter, fields: ['Value'], trigger: 'write' },
    ({ current }) => {
      if (current.type === 'Int') values.push(current.value)
    },
    { onInterruption: ({ code }) => void interruptions.push(code), timeoutMs: outageMs },
  )
  return { values, interruptions }
}

/** Writes 0, 1, 2, … without waiting for each, breaks something in the middle, and waits for all. */
async function countThrough(q: Client, count: number, fault: () => Promise<void> | void): Promise<bigint[]> {
  const writes: Promise<unknown>[] = []
  let broken: Promise<void> | undefined
  for (let value = 0; value < count; value += 1) {
    writes.push(q.write(counter, 'Value', BigInt(value), { timeoutMs: outageMs }))
    if (value % 20 === 0) await new Promise(setImmediate)
    if (value === Math.floor(count / 2)) broken = Promise.resolve(fault())
  }
  await Promise.all(writes)
  await broken
  return Array.from({ length: count }, (_, value) => BigInt(value))
}

describe('a client', () => {
  it.each(['NATS', 'HTTP'])(
    'over %s settles every write once, in order, when the writer is killed meanwhile',
    { timeout: 60_000 },
    async (way) => {
      await using q = await (way === 'NATS' ? natsClient(store, token) : connect({ url: store.url, token }))
      const { values } = await follow(q)
      const written = await countThrough(q, 2_000, async () => {
        await writer.kill()
        writer.start()
      })
      await vi.waitFor(() => expect(values).toHaveLength(written.length), { timeout: outageMs })
      expect(values).toEqual(written)
      await expect(q.read(counter, 'Value')).resolves.toMatchObject({ value: written.at(-1) })
    },
  )

  it.each(['NATS', 'HTTP'])(
    'over %s is notified without gap or repeat when the notifier is killed meanwhile',
    { timeout: 60_000 },
    async (way) => {
      await using q = await (way === 'NATS' ? natsClient(store, token) : connect({ url: store.url, token }))
      const { values, interruptions } = await follow(q)
      const written = await countThrough(q, 1_000, async () => {
        await notifier.kill()
        notifier.start()
      })
      await vi.waitFor(() => expect(values).toHaveLength(written.length), { timeout: outageMs })
      expect(values).toEqual(written)
      expect(interruptions.length).toBeGreaterThan(0)
    },
  )

  it('reads on when the reader is killed meanwhile', { timeout: 60_000 }, async () => {
    await using q = await natsClient(store, token)
    const { revision } = await q.write(counter, 'Value', 7n)
    await reader.kill()
    const read = q.read(counter, 'Value', { timeoutMs: outageMs })
    reader.start()
    await expect(read).resolves.toMatchObject({ value: 7n, revision })
  })

  describe('that loses NATS', () => {
    let proxy: FaultProxy

    beforeAll(async () => {
      proxy = await openFaultProxy(inject('natsUrl'))
    })

    afterAll(() => proxy[Symbol.asyncDispose]())

    it('settles its writes once, reads and is notified on when it is back', { timeout: 60_000 }, async () => {
      await using q = await natsClient(store, token, proxy.url)
      const { values, interruptions } = await follow(q)
      const written = await countThrough(q, 1_000, async () => {
        proxy.cut()
        await vi.waitFor(() => expect(interruptions.length).toBeGreaterThan(0), { timeout: outageMs })
        proxy.restore()
      })
      await vi.waitFor(() => expect(values).toHaveLength(written.length), { timeout: outageMs })
      expect(values).toEqual(written)
    })

    it('says what is known when it does not come back in time', { timeout: 60_000 }, async () => {
      await using q = await natsClient(store, token, proxy.url)
      await q.read(counter, 'Value')
      proxy.cut()
      const calls = await Promise.allSettled([
        q.read(counter, 'Value', { timeoutMs: 700 }),
        q.write(counter, 'Value', 8n, { timeoutMs: 700 }),
      ])
      proxy.restore()
      expect(calls[0]).toMatchObject({ reason: { code: 'unavailable' } })
      expect(calls[1]).toMatchObject({ reason: { code: expect.stringMatching(/^(unavailable|outcome_unknown)$/) } })
    })
  })

  it('says what is known when no writer comes', { timeout: 60_000 }, async () => {
    await using q = await natsClient(store, token)
    await writer.kill()
    // NATS takes a moment to notice that the writer's connection is gone; until then the outcome is unknown.
    await vi.waitFor(
      () => expect(q.write(counter, 'Value', 9n, { timeoutMs: 500 })).rejects.toMatchObject({ code: 'no_responders' }),
      { timeout: 10_000 },
    )
    writer.start()
    await q.write(counter, 'Value', 10n, { timeoutMs: outageMs })
  })

  it('is told at once when there is no gateway', async () => {
    await using q = await connect({ url: `http://127.0.0.1:${await freePort()}`, token, timeoutMs: 300 })
    await expect(q.read(counter, 'Value')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(q.write(counter, 'Value', 1n)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('is told at once that NATS does not let it in', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write(
        `INFO ${JSON.stringify({ server_id: 'x', version: '2.10.0', max_payload: 1_000, auth_required: true })}\r\n`,
      )
      socket.once('data', () => socket.end("-ERR 'Authorization Violation'\r\n"))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const connecting = connect({ servers: `nats://wrong@127.0.0.1:${port}`, token })
    await expect(connecting).rejects.toMatchObject({ code: 'unauthenticated', field: 'servers' })
    server.close()
  })

  it('does not become one without NATS, in time', async () => {
    const connecting = connect({ servers: 'nats://127.0.0.1:9', token, timeoutMs: 300 })
    await expect(connecting).rejects.toMatchObject({ code: 'unavailable' })
    await expect(connect({ servers: 'mailto:x', token })).rejects.toMatchObject({ code: 'configuration' })
    await expect(connect({ servers: '127.0.0.1', store: 'Not One' })).rejects.toMatchObject({ code: 'configuration' })
    await expect(connect({ url: 'somewhere' })).rejects.toMatchObject({ code: 'configuration' })
    const stop = AbortSignal.timeout(100)
    await expect(connect({ servers: 'nats://127.0.0.1:9', signal: stop })).rejects.toMatchObject({ code: 'canceled' })
  })
})
