import { once } from 'node:events'
import { fromJsonString, type MessageInitShape } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { connect as connectNats } from '@nats-io/transport-node'
import {
  BodyFormat,
  DeliveryMode,
  DeliverySchema,
  RegistrationService,
  type Delivery,
  type Field,
  type StreamRequestSchema,
  type SubscriptionSchema,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { EventReader, type ReadEvent } from './_event-reader.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { StreamClient } from './_stream-client.ts'

let store: QlibStore
let token: string
let url: string
let web: string
let device: string
let written = 0

beforeAll(async () => {
  store = await startQlibStore({ Q_WEB_ORIGINS: 'https://known.example', Q_WS_PING_MS: '1000' })
  token = await store.token()
  url = store.url.replace('/ws', '/stream')
  web = `http://127.0.0.1:${store.port}`
  await store.client.setSchema({ type: 'Device', fields: { Status: 'Int' } })
  device = (await store.client.create('Device', { parent: await store.client.root(), name: 'one' })).id
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

const subscription: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Device' },
  fields: ['Status'],
}
const subscriptionJson = JSON.stringify({ entityType: 'Device', fields: ['Status'] })
const bearer = () => ({ headers: { authorization: `Bearer ${token}` } })

/** Writes a value that nobody wrote before; gives it, as JSON has it. */
async function write(): Promise<string> {
  written += 1
  await store.client.write(device, 'Status', written)
  return `${written}`
}

function watch(
  id: string,
  more: { resumeAfter?: bigint; logId?: string } = {},
): MessageInitShape<typeof StreamRequestSchema> {
  return { id, request: { case: 'watch', value: { subscriptions: [subscription], ...more } } }
}

/** The values that a call over a WebSocket was told of, in order. */
function valuesOf(client: StreamClient, id: string): string[] {
  return client.of(id).flatMap((response) => {
    if (response.case !== 'watch' && response.case !== 'delivery') return []
    const { event } = response.value
    if (event.case !== 'notifications') return []
    return event.value.notifications.map(({ current }) => intOf(current))
  })
}

/** The same of events. */
function valuesIn(events: readonly ReadEvent[]): string[] {
  type Body = { notifications?: { notifications?: { current: { value: { int: string } } }[] } }
  return events.flatMap(({ json }) =>
    ((json as Body).notifications?.notifications ?? []).map(({ current }) => current.value.int),
  )
}

describe('a WebSocket', () => {
  it.each(['qcore.v1.json', 'qcore.v1.proto'])('watches in %s', async (protocol) => {
    await using client = await StreamClient.connect(url, [protocol], bearer())
    expect(client.socket.protocol).toBe(protocol)
    client.send(watch('a'))
    await client.until('a', ({ case: kind, value }) => kind === 'watch' && value.event.case === 'live')
    const values = [await write(), await write()]
    await vi.waitFor(() => expect(valuesOf(client, 'a')).toEqual(values))
  })

  it('has several calls, each with an end of its own, where the next one resumes', async () => {
    await using client = await StreamClient.connect(url, [], bearer())
    client.send(watch('a'))
    client.send(watch('b'))
    const isLive = (response: { case?: string | undefined }): boolean => response.case === 'watch'
    await Promise.all([client.until('a', isLive), client.until('b', isLive)])
    const first = await write()
    await vi.waitFor(() => expect([valuesOf(client, 'a'), valuesOf(client, 'b')]).toEqual([[first], [first]]))
    client.send({ id: 'a', request: { case: 'cancel', value: {} } })
    const end = await client.until('a', (response) => response.case === 'end')
    if (end.case !== 'end') throw new Error('no end')
    expect(end.value.problem).toBeUndefined()
    const missed = [await write(), await write()]
    await vi.waitFor(() => expect(valuesOf(client, 'b')).toEqual([first, ...missed]))
    expect(valuesOf(client, 'a')).toEqual([first])
    const { resumeAfter = 0n, logId } = end.value
    client.send(watch('c', { resumeAfter, logId }))
    await vi.waitFor(() => expect(valuesOf(client, 'c')).toEqual(missed))
  })

  it('answers what it cannot do, and goes on', async () => {
    await using client = await StreamClient.connect(url, [], bearer())
    client.socket.send('{"id": "x", "what": {}}')
    client.send({ id: 'nothing' })
    client.send({ id: 'unknown', request: { case: 'cancel', value: {} } })
    client.send({ id: 'n'.repeat(65), request: { case: 'cancel', value: {} } })
    client.send({ id: 'bad', request: { case: 'watch', value: { subscriptions: [] } } })
    client.send({ id: 'history', ...watch('history', { resumeAfter: 1n, logId: 'another' }) })
    client.send(watch('a'))
    await client.until('a', (response) => response.case === 'watch')
    client.send(watch('a'))
    await vi.waitFor(() => expect(client.received.filter(({ response }) => response.case === 'end')).toHaveLength(7))
    const problems = client.received.flatMap(({ id, response }) =>
      response.case === 'end' ? [[id, response.value.problem?.code, response.value.problem?.field]] : [],
    )
    expect(problems).toEqual(
      expect.arrayContaining([
        ['', 'invalid_request', ''],
        ['nothing', 'invalid_request', 'request'],
        ['unknown', 'invalid_request', 'id'],
        ['', 'invalid_request', 'id'],
        ['bad', 'invalid_request', 'subscriptions'],
        ['history', 'log_replaced', 'log_id'],
        ['a', 'invalid_request', 'id'],
      ]),
    )
    const value = await write()
    await vi.waitFor(() => expect(valuesOf(client, 'a')).toEqual([value]))
  })

  it('of the wrong kind of frames is closed', async () => {
    await using json = await StreamClient.connect(url, [], bearer())
    json.socket.send(Buffer.from('{}'))
    expect(await json.closed).toEqual([1003, 'binary frames are not spoken here'])
    await using proto = await StreamClient.connect(url, ['qcore.v1.proto'], bearer())
    proto.socket.send('{}')
    expect(await proto.closed).toEqual([1003, 'text frames are not spoken here'])
  })

  it('is opened by a header, a subprotocol, a cookie, a ticket, or a token in the first frame', async () => {
    const asked = await fetch(`${web}/ws-ticket`, { method: 'POST', ...bearer() })
    const { ticket } = (await asked.json()) as { ticket: string }
    const clients = await Promise.all([
      StreamClient.connect(url, [], bearer()),
      StreamClient.connect(url, ['qcore.v1.json', `bearer.${token}`]),
      StreamClient.connect(url, [`bearer.${token}`]),
      StreamClient.connect(url, [], { headers: { cookie: `qcore_token=${token}` } }),
      StreamClient.connect(`${url}?ticket=${ticket}`),
      StreamClient.connect(url),
    ])
    const late = clients.at(-1)
    late?.send(watch('early'))
    const refused = await late?.until('early', (response) => response.case === 'end')
    expect(refused?.case === 'end' && refused.value.problem?.code).toBe('unauthenticated')
    late?.send({ id: 't', request: { case: 'token', value: { token } } })
    await late?.until('t', (response) => response.case === 'token')
    for (const client of clients) {
      client.send(watch('a'))
      await client.until('a', (response) => response.case === 'watch')
      await client[Symbol.asyncDispose]()
    }
  })

  it('need not wait for the answer to its token', async () => {
    await using client = await StreamClient.connect(url)
    client.send({ id: 't', request: { case: 'token', value: { token: await store.token() } } })
    client.send(watch('a'))
    const first = await client.until('a', () => true)
    expect(first.case).toBe('watch')
  })

  it('is closed without a token, with one that ends, and to pages of elsewhere', async () => {
    await using silent = await StreamClient.connect(url)
    await using short = await StreamClient.connect(url, [`bearer.${await store.token({ lifetimeSeconds: 2 })}`])
    expect((await short.closed)[0]).toBe(4401)
    expect((await silent.closed)[0]).toBe(4401)
    const foreign = new StreamClient(url, [], { ...bearer(), origin: 'https://other.example' })
    const [, response] = (await once(foreign.socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(403)
    await foreign[Symbol.asyncDispose]()
    await using known = await StreamClient.connect(url, [], { ...bearer(), origin: 'https://known.example' })
    expect(known.socket.readyState).toBe(1)
  })

  it('goes on beyond its first token with a newer one of the same subject', async () => {
    await using client = await StreamClient.connect(url, [`bearer.${await store.token({ lifetimeSeconds: 3 })}`])
    const other = await store.token({ subject: 'somebody else' })
    client.send({ id: 'other', request: { case: 'token', value: { token: other } } })
    client.send({ id: 'newer', request: { case: 'token', value: { token } } })
    const refused = await client.until('other', (response) => response.case === 'end')
    expect(refused.case === 'end' && refused.value.problem?.code).toBe('permission_denied')
    await client.until('newer', (response) => response.case === 'token')
    await client.until('', (response) => response.case === 'heartbeat')
    const beats = () => client.received.filter(({ response }) => response.case === 'heartbeat').length
    await vi.waitFor(() => expect(beats()).toBeGreaterThan(4), { timeout: 30_000 })
    expect(client.socket.readyState).toBe(1)
  })

  it('may do what its token may', async () => {
    const scoped = await store.token({ scopes: ['store:another'] })
    await using client = await StreamClient.connect(url, [`bearer.${scoped}`])
    client.send(watch('a'))
    const end = await client.until('a', (response) => response.case === 'end')
    expect(end.case === 'end' && end.value.problem?.code).toBe('permission_denied')
  })
})

describe('Server-Sent Events', () => {
  const watchUrl = () => `${web}/stream/watch?subscription=${encodeURIComponent(subscriptionJson)}`

  it('watch, and go on after Last-Event-ID without gap or repeat', async () => {
    const values: string[] = []
    let lastId = ''
    const seen: string[] = []
    for (let round = 0; round < 3; round += 1) {
      using reader = await EventReader.open(watchUrl(), {
        headers: { ...bearer().headers, ...(lastId !== '' && { 'last-event-id': lastId }) },
      })
      expect([reader.status, reader.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
      await reader.until(({ json }) => 'live' in json)
      values.push(await write(), await write())
      await vi.waitFor(() => expect([...seen, ...valuesIn(reader.events)]).toEqual(values), { timeout: 30_000 })
      seen.push(...valuesIn(reader.events))
      ;({ lastId } = reader)
      values.push(await write())
      await vi.waitFor(() => expect(valuesIn(reader.events).at(-1)).toBe(values.at(-1)), { timeout: 30_000 })
      // As a page that lost its connection before the last event came.
    }
    expect(seen).toEqual(values.slice(0, -1))
  })

  it('do not repeat the result that a query began with', async () => {
    const query = JSON.stringify({ query: { text: 'SELECT Status FROM Device', initial: true } })
    const queryUrl = `${web}/stream/watch?subscription=${encodeURIComponent(query)}`
    using first = await EventReader.open(queryUrl, bearer())
    const result = await first.until(({ json }) => 'notifications' in json)
    expect(first.events.find(({ json }) => 'live' in json)?.id).toBeUndefined()
    expect(result.id).toMatch(/^[^:]+:\d+$/)
    using second = await EventReader.open(queryUrl, {
      headers: { ...bearer().headers, 'last-event-id': result.id ?? '' },
    })
    await second.until(({ json }) => 'live' in json)
    await write()
    const change = await second.until(({ json }) => 'notifications' in json)
    expect(JSON.stringify(change.json)).toContain('QUERY_CHANGE_KIND_CHANGE')
  })

  it('take a question as body, and refuse with a status what cannot be answered', async () => {
    const statusOf = async (path: string, init: RequestInit = {}): Promise<string> => {
      using reader = await EventReader.open(`${web}${path}`, init)
      return `${reader.status}`
    }
    const posted = { method: 'POST', ...bearer() }
    expect(await statusOf('/stream/watch', { ...posted, body: `{"subscriptions": [${subscriptionJson}]}` })).toBe('200')
    expect(await statusOf('/stream/watch', { ...posted, body: '{"what": 1}' })).toBe('400')
    expect(await statusOf('/stream/watch', { method: 'POST', body: '{"what": 1}' })).toBe('401')
    expect(await statusOf('/stream/watch', { ...posted, body: '{"subscriptions": []}' })).toBe('400')
    expect(await statusOf('/stream/watch', { method: 'PUT', ...bearer() })).toBe('400')
    expect(await statusOf('/stream/watch?subscription=%7B', bearer())).toBe('400')
    expect(await statusOf('/stream/watch?colour=red', bearer())).toBe('400')
    const wrong = await fetch(`${web}/stream/watch?subscription=%7B`, bearer())
    expect(await wrong.text()).toContain('"field":"subscription"')
    expect(await statusOf('/stream/receive?token=a&token=b', bearer())).toBe('400')
    expect(await statusOf('/stream/receive?token=none', bearer())).toBe('404')
    expect(await statusOf(`/stream/watch?subscription=${encodeURIComponent(subscriptionJson)}`)).toBe('401')
    const wrongId = { headers: { ...bearer().headers, 'last-event-id': '7' } }
    expect(await statusOf(`/stream/watch?subscription=${encodeURIComponent(subscriptionJson)}`, wrongId)).toBe('400')
    const replaced = { headers: { ...bearer().headers, 'last-event-id': 'another:1' } }
    expect(await statusOf(`/stream/watch?subscription=${encodeURIComponent(subscriptionJson)}`, replaced)).toBe('500')
    const origin = { headers: { ...bearer().headers, origin: 'https://other.example' } }
    expect(await statusOf(`/stream/watch?subscription=${encodeURIComponent(subscriptionJson)}`, origin)).toBe('403')
  })

  it('that nobody serves end with an event for a browser that comes again, as a status would keep it away', async () => {
    await using alone = await startQlibStore({}, ['writer', 'gateway'])
    const headers = { authorization: `Bearer ${await alone.token()}` }
    for (const question of [`watch?subscription=${encodeURIComponent(subscriptionJson)}`, 'receive?token=some']) {
      const address = `http://127.0.0.1:${alone.port}/stream/${question}`
      expect((await fetch(address, { headers })).status).toBe(503)
      using again = await EventReader.open(address, { headers: { ...headers, 'last-event-id': 'some:1' } })
      expect(again.status).toBe(200)
      const { json } = await again.until(({ event }) => event === 'end')
      expect(json).toMatchObject({ problem: { code: 'no_responders' } })
      await again.ended
    }
  })

  it('come to a page with a cookie or a ticket, and end with the token', async () => {
    using cookie = await EventReader.open(watchUrl(), { headers: { cookie: `qcore_token=${token}` } })
    expect(cookie.status).toBe(200)
    const asked = await fetch(`${web}/ws-ticket`, { method: 'POST', ...bearer() })
    const { ticket } = (await asked.json()) as { ticket: string }
    using page = await EventReader.open(`${watchUrl()}&ticket=${ticket}`)
    expect(page.status).toBe(200)
    using again = await EventReader.open(`${watchUrl()}&ticket=${ticket}`)
    expect(again.status).toBe(401)
    const headers = { authorization: `Bearer ${await store.token({ lifetimeSeconds: 2 })}` }
    using short = await EventReader.open(watchUrl(), { headers })
    const end = await short.until(({ event }) => event === 'end')
    expect(end.json).toMatchObject({ problem: { code: 'token_expired' }, resumeAfter: expect.any(String) as string })
    await cookie.until(({ event }) => event === 'heartbeat')
  })
})

it('a registration is taken from NATS to a WebSocket, to events and to Connect without loss', async () => {
  const transport = createConnectTransport({ baseUrl: web, httpVersion: '1.1' })
  const registrations = createClient(RegistrationService, transport)
  const headers = { authorization: `Bearer ${token}` }
  const { registration } = await registrations.register(
    { service: 'test', subscriptions: [subscription], leaseMs: 60_000, bodyFormat: BodyFormat.UNSPECIFIED },
    { headers },
  )
  const { token: name = '', subject = '', deliveredRevision = 0n, logId = '' } = registration ?? {}
  await using nats = await connectNats({ servers: new URL(inject('natsUrl')).host })
  const all: Delivery[] = []
  nats.subscribe(subject, {
    callback: (_, message) => void all.push(fromJsonString(DeliverySchema, message.string())),
  })
  await nats.flush()
  const told = () => all.filter(({ event }) => event.case === 'notifications')
  const taken: { id: string; revision: bigint }[] = []
  let position = deliveredRevision
  const take = (deliveries: readonly Delivery[]): void => {
    for (const { id, revision, previousRevision, event } of deliveries) {
      if (revision <= position || event.case === 'live') continue
      expect(previousRevision).toBeLessThanOrEqual(position)
      position = revision
      if (event.case === 'notifications') taken.push({ id, revision })
    }
  }
  const last = async (): Promise<bigint> => {
    for (let count = 0; count < 4; count += 1) await write()
    const value = `${written}`
    return vi.waitFor(
      () => {
        const found = told().find((delivery) => valueOf(delivery) === value)
        if (found === undefined) throw new Error(`${value} was not sent`)
        return found.revision
      },
      { timeout: 30_000 },
    )
  }

  const first = await last()
  take(all.filter(({ revision }) => revision <= first))

  await last()
  await using client = await StreamClient.connect(url, ['qcore.v1.proto'], bearer())
  client.send({ id: 'r', request: { case: 'receive', value: { token: name, resumeAfter: position, logId } } })
  const second = await last()
  const overSocket = (): Delivery[] =>
    client.of('r').flatMap((response) => (response.case === 'delivery' ? [response.value] : []))
  await vi.waitFor(() => expect(overSocket().at(-1)?.revision).toBeGreaterThanOrEqual(second), { timeout: 30_000 })
  take(overSocket().filter(({ revision }) => revision <= second))
  await client[Symbol.asyncDispose]()

  await last()
  using reader = await EventReader.open(`${web}/stream/receive?token=${name}`, {
    headers: { ...headers, 'last-event-id': `${logId}:${position}` },
  })
  const third = await last()
  const overEvents = (): Delivery[] =>
    reader.events
      .filter(({ event }) => event === 'message')
      .map(({ json }) => fromJsonString(DeliverySchema, JSON.stringify(json)))
  await vi.waitFor(() => expect(overEvents().at(-1)?.revision).toBeGreaterThanOrEqual(third), { timeout: 30_000 })
  take(overEvents().filter(({ revision }) => revision <= third))

  await last()
  const ended = new AbortController()
  const answer = registrations.receive({ token: name, resumeAfter: position, logId }, { headers, signal: ended.signal })
  const fourth = await last()
  for await (const { delivery } of answer) {
    if (delivery !== undefined) take([delivery])
    if (position >= fourth) break
  }
  ended.abort()

  expect(taken).toEqual(told().map(({ id, revision }) => ({ id, revision })))
  expect(taken).toHaveLength(28)
})

it('a registration is made, renewed, answered and ended over a WebSocket', async () => {
  await using client = await StreamClient.connect(url, ['qcore.v1.proto'], bearer())
  const register = {
    service: 'test',
    subscriptions: [subscription],
    leaseMs: 60_000,
    delivery: DeliveryMode.SHARED,
  }
  client.send({ id: '1', request: { case: 'register', value: register } })
  const registered = await client.until('1', (response) => response.case === 'register')
  const name = registered.case === 'register' ? (registered.value.registration?.token ?? '') : ''
  client.send({ id: '2', request: { case: 'renew', value: { tokens: [name] } } })
  await client.until('2', (response) => response.case === 'renew')
  client.send({ id: '3', request: { case: 'receive', value: { token: name, asInstance: true } } })
  await client.until('3', (response) => response.case === 'delivery')
  await write()
  const given = await client.until(
    '3',
    (response) => response.case === 'delivery' && response.value.event.case === 'notifications',
  )
  const ackId = given.case === 'delivery' ? given.value.ackId : ''
  expect(ackId).not.toBe('')
  client.send({ id: '4', request: { case: 'acknowledge', value: { token: name, ackIds: [ackId] } } })
  await client.until('4', (response) => response.case === 'acknowledge')
  client.send({ id: '5', request: { case: 'unregister', value: { token: name } } })
  await client.until('5', (response) => response.case === 'unregister')
  const end = await client.until('3', (response) => response.case === 'end')
  expect(end.case === 'end' && end.value.problem).toBeUndefined()
  client.send({ id: '6', request: { case: 'register', value: { ...register, service: '' } } })
  const refused = await client.until('6', (response) => response.case === 'end')
  expect(refused.case === 'end' && refused.value.problem).toMatchObject({ code: 'invalid_request', field: 'service' })
})

/** What a delivery tells of first. */
function valueOf({ event }: Delivery): string {
  return event.case === 'notifications' ? intOf(event.value.notifications[0]?.current) : ''
}

function intOf(field: Field | undefined): string {
  const kind = field?.value?.kind
  return kind?.case === 'int' ? `${kind.value}` : ''
}
