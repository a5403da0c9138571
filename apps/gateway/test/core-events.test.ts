import { randomUUID } from 'node:crypto'
import { commit, connect, type Client, type StoredEvent } from '@qcore/client'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'

let store: QlibStore
let token: string
let page: string

beforeAll(async () => {
  store = await startQlibStore()
  token = await store.token()
  page = `http://127.0.0.1:${store.port}/core/events`
  for (const name of ['demo', 'shop']) await store.client.events.registerNamespace(name)
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
}

const seedHeaders = { 'content-type': 'application/json' }
const structured = { 'content-type': 'application/cloudevents+json' }
const batched = { 'content-type': 'application/cloudevents-batch+json' }

async function post(body: unknown, headers: Record<string, string> = seedHeaders, query = ''): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const authorization = `Bearer ${token}`
  const response = await fetch(`${page}${query}`, {
    method: 'POST',
    body: text,
    headers: { authorization, ...headers },
  })
  return { status: response.status, json: (await response.json()) as Answer['json'] }
}

async function eventOf({ status, json }: Answer): Promise<StoredEvent> {
  expect({ status, json }).toMatchObject({ status: 200, json: { status: 'queued' } })
  return store.client.events.get(String(json['messageId']))
}

async function countEvents(): Promise<number> {
  let count = 0
  for (const namespace of ['demo', 'shop']) for await (const _ of store.client.events.search(namespace)) count += 1
  return count
}

function cloudEvent(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { specversion: '1.0', id: randomUUID(), source: '/orders', type: 'order.placed', data: { n: 1 }, ...more }
}

describe('an event as the seed posts it', () => {
  it('is emitted in the namespace that is set', async () => {
    const event = await eventOf(await post({ eventType: 'demo.event', payload: { a: 1 } }))
    expect(event).toMatchObject({ namespace: 'demo', type: 'demo.event', payload: { a: 1 } })
  })

  it('has an empty object as its payload if it has none', async () => {
    expect((await eventOf(await post({ eventType: 'demo.event' }))).payloadText).toBe('{}')
  })

  it.each(['"text"', '5', 'true', 'null', '[1,2]', '{"big":12345678901234567890,"exact":1.0,"far":1e400}'])(
    'has %s as its payload unchanged',
    async (payload) => {
      const event = await eventOf(await post(`{"eventType": "demo.event", "payload": ${payload}}`))
      expect(event.payloadText).toBe(payload)
    },
  )

  it('says what else there is to say', async () => {
    const said = { namespace: 'shop', producerNodeId: 'api-1', correlationId: 'c', orderKey: 'o', dedupeKey: 'k' }
    const times = { deliverAt: '2026-01-01T00:00:00Z', lifetimeMs: 60_000, dedupeWindowMs: 60_000 }
    const answer = await post({ eventType: 'a.b', ...said, ...times })
    const event = await eventOf(answer)
    expect(event).toMatchObject({ namespace: 'shop', producer: 'api-1', correlationId: 'c', orderKey: 'o' })
    expect(event.expiresAt?.micros).toBe(event.time.micros + 60_000_000n)
    const again = await post({ eventType: 'a.b', ...said })
    expect(again.json).toEqual({ status: 'queued', messageId: answer.json['messageId'], duplicate: true })
  })

  it('is emitted in the namespace of the query', async () => {
    const answer = await post({ eventType: 'demo.event' }, seedHeaders, '?namespace=shop')
    expect((await eventOf(answer)).namespace).toBe('shop')
  })

  it('is emitted once with one idempotency key', async () => {
    const headers = { ...seedHeaders, 'idempotency-key': 'once' }
    const answers = [await post({ eventType: 'demo.event' }, headers), await post({ eventType: 'demo.event' }, headers)]
    expect(answers[0]).toEqual(answers[1])
    expect(await post({ eventType: 'other' }, headers)).toMatchObject({
      status: 409,
      json: { code: 'idempotency_key_reused', field: 'idempotency-key' },
    })
  })

  it.each<[string, unknown, string]>([
    ['no type', {}, 'eventType'],
    ['a type that is a number', { eventType: 5 }, 'eventType'],
    ['an empty type', { eventType: '' }, 'eventType'],
    ['a type that is no type', { eventType: 'a b' }, 'eventType'],
    ['a member that there is not', { eventType: 'a', event: 1 }, 'event'],
    ['a NUL in its payload', { eventType: 'a', payload: '\0' }, 'payload'],
    ['too large a payload', { eventType: 'a', payload: 'x'.repeat(270_000) }, 'payload'],
    ['a namespace that is no name', { eventType: 'a', namespace: 'No' }, 'namespace'],
    ['a time that is none', { eventType: 'a', deliverAt: 'soon' }, 'deliverAt'],
    ['two times', { eventType: 'a', deliverAt: '2030-01-01T00:00:00Z', delayMs: 5 }, 'deliverAt'],
    ['a delay that is no number', { eventType: 'a', delayMs: '5' }, 'delayMs'],
    ['a delay that is too long', { eventType: 'a', delayMs: 1e11 }, 'delayMs'],
  ])('with %s is refused, and nothing is emitted', async (_, body, field) => {
    const before = await countEvents()
    const { status, json } = await post(body)
    expect({ status, json }).toMatchObject({ status: 400, json: { code: 'invalid_request', field } })
    expect(json['error']).toEqual(expect.any(String))
    expect(await countEvents()).toBe(before)
  })

  it.each(['', 'text', '[]', '5', '{"eventType": "a"'])('as %j is refused', async (body) => {
    expect(await post(body)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  })

  it('is refused in a namespace that there is not', async () => {
    const answer = await post({ eventType: 'a', namespace: 'nowhere' })
    expect(answer).toMatchObject({ status: 404, json: { code: 'unknown_namespace', field: 'namespace' } })
  })
})

describe('a CloudEvent', () => {
  it('in structured mode is emitted with its attributes', async () => {
    const more = {
      subject: 'order 7',
      correlationid: 'c',
      partitionkey: 'o',
      sampledrate: 5,
      time: '2026-01-01T00:00:00Z',
    }
    const event = await eventOf(await post(cloudEvent({ ...more, namespace: 'shop' }), structured))
    expect(event).toMatchObject({
      namespace: 'shop',
      type: 'order.placed',
      payload: { n: 1 },
      producer: '/orders',
      correlationId: 'c',
      orderKey: 'o',
      attributes: { subject: 'order 7', sampledrate: '5' },
    })
  })

  it('in binary mode has its body as the payload, byte for byte', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': randomUUID(),
      'ce-source': '/orders',
      'ce-type': 'order.placed',
    }
    const body = '{ "n": 1.00 }'
    const event = await eventOf(await post(body, { ...seedHeaders, ...headers, 'ce-subject': 'order%20%E2%82%AC' }))
    expect(event).toMatchObject({ type: 'order.placed', payloadText: body, attributes: { subject: 'order €' } })
  })

  it('without data has null as its payload', async () => {
    const { data: _, ...bare } = cloudEvent()
    expect((await eventOf(await post(bare, structured))).payloadText).toBe('null')
  })

  it('that is sent again is a duplicate', async () => {
    const event = cloudEvent()
    const first = await post(event, structured)
    expect((await post(event, structured)).json).toEqual({ ...first.json, duplicate: true })
    const other = await post({ ...event, source: '/others' }, structured)
    expect(other.json['messageId']).not.toBe(first.json['messageId'])
  })

  it('of a batch is emitted with all others of it, or not at all', async () => {
    const answer = await post([cloudEvent({ type: 'a' }), cloudEvent({ type: 'b' })], batched)
    expect(answer).toMatchObject({ status: 200, json: { status: 'queued', events: [{ status: 'queued' }, {}] } })
    const ids = (answer.json['events'] as { messageId: string }[]).map(({ messageId }) => messageId.split('.')[0])
    expect(new Set(ids).size).toBe(1)
    const before = await countEvents()
    const failing = await post([cloudEvent(), cloudEvent({ type: 'no type' })], batched)
    expect(failing).toMatchObject({ status: 400, json: { code: 'invalid_request', field: '[1].type' } })
    expect(await post([cloudEvent(), {}], batched)).toMatchObject({ status: 400, json: { field: '[1].specversion' } })
    expect(await countEvents()).toBe(before)
    expect((await post([], batched)).json).toEqual({ status: 'queued', events: [] })
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['of another version', { specversion: '0.3' }, 'specversion'],
    ['without an id', { id: '' }, 'id'],
    ['without a source', { source: null }, 'source'],
    ['of a type that is none', { type: 'a b' }, 'type'],
    ['with a source that is no URI', { source: 'a b' }, 'source'],
    ['with data that is not JSON', { datacontenttype: 'text/xml' }, 'datacontenttype'],
    ['with binary data', { data_base64: 'AA==' }, 'data_base64'],
    ['with a NUL in its data', { data: '\0' }, 'data'],
    ['with an attribute that is misspelt', { Subject: 'x' }, 'Subject'],
    ['with an attribute that is no text', { subject: {} }, 'subject'],
    ['with an attribute that is too long', { subject: 'x'.repeat(2_000) }, 'subject'],
    ['that expires before it is emitted', { expirytime: '2020-01-01T00:00:00Z' }, 'expirytime'],
  ])('%s is refused', async (_, more, field) => {
    const { status, json } = await post(cloudEvent(more), structured)
    expect({ status, json }).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(json['field']).toMatch(new RegExp(`^${field}`))
  })
})

describe('a request for events', () => {
  it('without a token is refused', async () => {
    const response = await fetch(page, { method: 'POST', body: '{"eventType":"a"}', headers: seedHeaders })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'unauthenticated' })
  })

  it('of another content type is refused', async () => {
    expect(await post('a', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      json: { code: 'invalid_request', field: 'content-type' },
    })
  })

  it('of another verb is refused', async () => {
    const response = await fetch(page, { headers: { authorization: `Bearer ${token}` } })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('a token for one namespace', () => {
  let q: Client
  let demoId: string
  const denied = expect.objectContaining({ code: 'permission_denied' }) as unknown

  beforeAll(async () => {
    const limited = await store.token({ scopes: ['namespace:shop'] })
    q = await connect({ servers: inject('natsUrl'), store: store.name, token: limited })
    demoId = (await store.client.emit('demo', 'secret')).id
  })
  afterAll(() => q.close())

  it('emits there, and nowhere else, also in a commit with other changes', async () => {
    const { id } = await q.emit('shop', 'a')
    expect((await q.events.get(id)).namespace).toBe('shop')
    await expect(q.emit('demo', 'a')).rejects.toMatchObject({
      code: 'permission_denied',
      field: 'mutations[0].emit_event.namespace',
    })
    await expect(q.commit(commit().emit('shop', 'a').emit('demo', 'a'))).rejects.toEqual(denied)
  })

  it('sees nothing of others', async () => {
    await expect(q.events.get(demoId)).rejects.toMatchObject({ code: 'unknown_event' })
    await expect(q.events.search('demo').next()).rejects.toEqual(denied)
    expect((await q.events.namespaces()).map(({ name }) => name)).toEqual(['shop'])
    await expect(q.events.registerNamespace('demo')).rejects.toEqual(denied)
    const own = { namespace: 'demo', nodeId: 'n', instance: randomUUID() }
    await expect(q.events.nodes.register(own)).rejects.toEqual(denied)
    await store.client.events.nodes.register(own)
    const seen = []
    for await (const node of q.events.nodes.list()) seen.push(node)
    expect(seen).toEqual([])
  })

  it('is told so when it posts an event', async () => {
    const authorization = `Bearer ${await store.token({ scopes: ['namespace:shop'] })}`
    expect(await post({ eventType: 'a' }, { ...seedHeaders, authorization })).toMatchObject({
      status: 403,
      json: { code: 'permission_denied', field: 'namespace' },
    })
  })
})

describe('what waits', () => {
  const metrics = async (query = '', headers: Record<string, string> = { authorization: `Bearer ${token}` }) => {
    const response = await fetch(`${page.replace('events', 'metrics')}${query}`, { headers })
    return { status: response.status, json: (await response.json()) as Answer['json'] }
  }

  it('is told truly, by namespace', async () => {
    await store.client.events.registerNamespace('waiting')
    for (let n = 0; n < 3; n++) await post({ eventType: 'a', payload: n }, seedHeaders, '?namespace=waiting')
    expect(await metrics('?namespace=waiting')).toEqual({
      status: 200,
      json: { queueDepth: 3, deadLetterQueueDepth: 0, unclaimed: 3 },
    })
  })

  it('is an error where it is not known, never zero', async () => {
    expect(await metrics('?namespace=nowhere')).toMatchObject({ status: 404, json: { code: 'unknown_namespace' } })
    expect(await metrics('', {})).toMatchObject({ status: 401 })
    const posted = await fetch(page.replace('events', 'metrics'), { method: 'POST' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET'])
  })

  it('is an error while PostgreSQL cannot be reached', async () => {
    await using database = await openFaultProxy(inject('postgresUrl'))
    await using own = await startQlibStore({ Q_POSTGRES_ADDR: database.url })
    await own.client.events.registerNamespace('demo')
    const headers = { authorization: `Bearer ${await own.token()}` }
    const read = async (): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${own.port}/core/metrics`, { headers })
      return { status: response.status, json: await response.json() }
    }
    const known = { status: 200, json: { queueDepth: 0, deadLetterQueueDepth: 0, unclaimed: 0 } }
    expect(await read()).toEqual(known)
    database.cut()
    expect(await read()).toMatchObject({ status: 503, json: { code: 'unavailable' } })
    database.restore()
    await vi.waitFor(async () => expect(await read()).toEqual(known), { timeout: 20_000, interval: 50 })
  }, 60_000)
})
