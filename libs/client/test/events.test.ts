import { inject, afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commit, connect, RawJson, Timestamp, type Client, type EventQuery, type StoredEvent } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier', 'gateway'])
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
  await q.events.registerNamespace('demo', { description: 'Shop', metadata: { team: 'a' } })
  await q.events.registerNamespace('other')
}, 30_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

async function search(query: EventQuery, namespace = 'demo'): Promise<StoredEvent[]> {
  const found: StoredEvent[] = []
  for await (const event of q.events.search(namespace, query)) found.push(event)
  return found
}

const numbers = (events: readonly StoredEvent[]): unknown[] => events.map(({ payload }) => payload)

describe('an event', () => {
  it('is read back as it was emitted', async () => {
    const said = { producer: 'api-1', correlationId: 'order-7' }
    const attributes = { subject: 'Ü 7' }
    const { id, revision, time } = await q.emit('demo', 'demo.event', { hello: 'world' }, { ...said, attributes })
    expect(await q.events.get(id)).toEqual({
      id: `${revision}.0`,
      namespace: 'demo',
      type: 'demo.event',
      payload: { hello: 'world' },
      payloadText: '{"hello":"world"}',
      time,
      position: id,
      ...said,
      orderKey: '',
      attributes: { subject: 'Ü 7' },
      writer: 'tester',
      acceptedAt: undefined,
      deliverAt: undefined,
      expiresAt: undefined,
    })
  })

  it('is held until it is due', async () => {
    const { id, time } = await q.emit('demo', 'demo.later', 1, { delayMs: 2_000, lifetimeMs: 60_000, orderKey: 'o' })
    const held = await q.events.get(id)
    const dueAt = new Timestamp((time?.micros ?? 0n) + 2_000_000n)
    expect(held).toMatchObject({
      payload: 1,
      position: '',
      orderKey: 'o',
      acceptedAt: time,
      deliverAt: dueAt,
      time: dueAt,
    })
    expect(held.expiresAt).toEqual(new Timestamp(dueAt.micros + 60_000_000n))
    await vi.waitFor(async () => expect((await q.events.get(id)).position).not.toBe(''), { timeout: 15_000 })
    const event = await q.events.get(id)
    expect({ ...event, position: '', time: dueAt }).toEqual(held)
    expect(event.position).not.toBe(id)
    expect(event.time >= dueAt).toBe(true)
    expect((await search({ type: 'demo.later' })).map((event) => event.id)).toEqual([id])
  })

  it('is not emitted twice with one dedupe key', async () => {
    const first = await q.emit('demo', 'demo.once', 1, { dedupeKey: 'k', dedupeWindowMs: 60_000 })
    expect(first.isDuplicate).toBe(false)
    const second = await q.emit('demo', 'demo.once', 2, { dedupeKey: 'k' })
    expect(second).toEqual({ id: first.id, revision: expect.any(Number) as number, time: undefined, isDuplicate: true })
  })

  it.each([
    [{ deliverAt: Timestamp.now(), delayMs: 1 }, 'delivery'],
    [{ expireAt: Timestamp.now(), lifetimeMs: 1 }, 'expiry'],
    [{ delayMs: -1 }, 'delay_ms'],
    [{ delayMs: 40_000_000_000 }, 'delay_ms'],
    [{ lifetimeMs: Number.NaN }, 'lifetime_ms'],
    [{ dedupeKey: 'k', dedupeWindowMs: 3e9 }, 'dedupe_window_ms'],
    [{ orderKey: 'ü' }, 'order_key'],
    [{ attributes: { Subject: 'x' } }, 'attributes\\["Subject"\\]'],
    [{ attributes: { writer: 'x' } }, 'attributes\\["writer"\\]'],
    [{ attributes: { subject: '\0' } }, 'attributes\\["subject"\\]'],
    [{ attributes: { subject: 'x'.repeat(1_025) } }, 'attributes\\["subject"\\]'],
  ])('with %o is refused, and the error names the field', async (said, field) => {
    await expect(q.emit('demo', 'demo.event', 1, said)).rejects.toMatchObject({
      code: 'invalid_request',
      field: expect.stringMatching(new RegExp(`${field}$`)) as string,
    })
  })

  it('keeps raw JSON as it is', async () => {
    const text = '{"big": 12345678901234567890}'
    const { id } = await q.emit('demo', 'demo.raw', new RawJson(text))
    expect((await q.events.get(id)).payloadText).toBe(text)
  })

  it.each([[10n], [(): number => 1], [Symbol('s')]])('%s is refused as its payload', async (payload) => {
    await expect(q.emit('demo', 'demo.event', payload)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('is one change of a commit, and shown by its history', async () => {
    const type = { type: 'Order', fields: { Total: 'Int' } } as const
    await q.setSchema(type)
    const root = await q.root()
    const changes = commit()
      .create('Order', { parent: root, name: 'O', id: 'o1' })
      .emit('demo', 'order.made', { id: 'o1' })
    const { revision, results } = await q.commit(changes)
    expect(results[1]).toMatchObject({ eventId: `${revision}.0`, changed: true })
    const { value: newest } = await q.commits({ limit: 1 }).next()
    const shown = { kind: 'emit', eventId: `${revision}.0`, namespace: 'demo', type: 'order.made' }
    expect(newest).toMatchObject({ revision, changes: [{ kind: 'create' }, shown] })
  })

  it('that is not there is an error', async () => {
    await expect(q.events.get('1.7')).rejects.toMatchObject({ code: 'unknown_event', field: 'event_id' })
    await expect(q.events.get('x')).rejects.toMatchObject({ code: 'invalid_request', field: 'event_id' })
  })
})

describe('a search', () => {
  const times: StoredEvent[] = []

  beforeAll(async () => {
    const types = ['order.placed', 'order.paid', 'order.item.added', 'stock.low']
    for (let number = 0; number < 24; number++) {
      const type = types[number % 4] ?? ''
      const said = { producer: `node-${number % 3}`, correlationId: `c-${number % 6}` }
      const { id } = await q.emit('other', type, number, said)
      times.push(await q.events.get(id))
    }
  })

  const fitting = (fits: (number: number) => boolean): number[] =>
    Array.from({ length: 24 }, (_, number) => number).filter(fits)

  it('finds a namespace, the newest first or the oldest first', async () => {
    expect(numbers(await search({}, 'other'))).toEqual(fitting(() => true).reverse())
    expect(numbers(await search({ first: 'oldest' }, 'other'))).toEqual(fitting(() => true))
    expect(numbers(await search({ limit: 5 }, 'other'))).toEqual([23, 22, 21, 20, 19])
  })

  it.each([
    [{ type: 'order.paid' }, (number: number) => number % 4 === 1],
    [{ type: 'order.*' }, (number: number) => number % 4 < 2],
    [{ type: 'order.>' }, (number: number) => number % 4 < 3],
    [{ type: '>' }, () => true],
    [{ type: '*.low', producer: 'node-0' }, (number: number) => number % 4 === 3 && number % 3 === 0],
    [{ producer: 'node-1' }, (number: number) => number % 3 === 1],
    [{ correlationId: 'c-2' }, (number: number) => number % 6 === 2],
    [{ correlationId: 'c-2', type: 'order.item.added' }, (number: number) => number % 6 === 2 && number % 4 === 2],
    [{ correlationId: 'c-2', producer: 'node-1' }, () => false],
    [{ type: 'order.nothing' }, () => false],
  ] as const)('finds %o', async (query, fits) => {
    expect(numbers(await search({ ...query, first: 'oldest' }, 'other'))).toEqual(fitting(fits))
  })

  it('finds a range of time, its end not included', async () => {
    const [from, to] = [times[3]?.time, times[9]?.time]
    if (from === undefined || to === undefined) throw new Error('no times')
    expect(numbers(await search({ from, to, first: 'oldest' }, 'other'))).toEqual([3, 4, 5, 6, 7, 8])
  })

  it('goes on page by page where events are large, and misses none', async () => {
    const text = 'x'.repeat(200_000)
    await q.events.registerNamespace('large')
    for (let number = 0; number < 8; number++) await q.emit('large', 'a.b', { number, text })
    const found = await search({ type: 'a.*', first: 'oldest' }, 'large')
    expect(found.map(({ payload }) => (payload as { number: number }).number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('fits into a message also as JSON, where every character of the payloads is escaped', async () => {
    await q.events.registerNamespace('escaped')
    const quotes = JSON.stringify('"'.repeat(60_000))
    for (let number = 0; number < 12; number++) await q.emit('escaped', 'a.b', new RawJson(quotes))
    const url = `${store.url}/qcore.events.v1.EventLogService/SearchEvents`
    const headers = { authorization: `Bearer ${await store.mint()}`, 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: '{"namespace": "escaped"}' })
    expect(answer.status).toBe(200)
    const page = (await answer.json()) as { events: { payload: string }[]; nextCursor: string }
    expect(page.events[0]?.payload).toBe(quotes)
    expect(page.nextCursor).not.toBe('')
  })

  it('of a namespace without events finds none', async () => {
    expect(await search({}, 'nothing')).toEqual([])
  })

  it('names what is wrong with it', async () => {
    await expect(search({ type: 'a.>.b' })).rejects.toMatchObject({ code: 'invalid_request', field: 'type' })
    await expect(search({}, 'Demo')).rejects.toMatchObject({ code: 'invalid_request', field: 'namespace' })
  })
})

it('lists namespaces with what is said of them', async () => {
  const [demo] = await q.events.namespaces()
  expect(demo).toMatchObject({ name: 'demo', description: 'Shop', metadata: { team: 'a' } })
})

describe('a node', () => {
  it('is registered, heard of, listed and stopped', async () => {
    const own = { namespace: 'demo', nodeId: 'api-1', instance: 'instance-1' }
    await q.events.registerNamespace('demo')
    const { node, heartbeatMs } = await q.events.nodes.register(own, {
      displayName: 'API',
      metadata: { role: 'producer' },
    })
    expect(node).toMatchObject({ displayName: 'API', metadata: { role: 'producer' }, status: 'online' })
    expect(heartbeatMs).toBeGreaterThan(0)
    expect((await q.events.nodes.heartbeat(own)).status).toBe('online')
    await q.events.nodes.deregister(own)
    expect(await q.events.nodes.get('demo', 'api-1')).toMatchObject({ status: 'offline', takeovers: 0 })
    const listed: string[] = []
    for await (const { nodeId } of q.events.nodes.list({ namespace: 'demo', status: 'offline' })) listed.push(nodeId)
    expect(listed).toEqual(['api-1'])
  })
})
