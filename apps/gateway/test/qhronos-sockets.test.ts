import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openFaultProxy } from '@qcore/fault-proxy'
import { QhronosClient, type DueEvent } from '@qcore/qhronos-client'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { inAnHour, startQhronos, type Qhronos } from './_qhronos.ts'

let q: Qhronos
let second: Awaited<ReturnType<Qhronos['startGateway']>>

/** How long a client may take to acknowledge. */
const ackMs = 2_000

beforeAll(async () => {
  const settings = { Q_WEBHOOK_TIMEOUT_MS: String(ackMs), Q_EGRESS_ALLOW: '127.0.0.1' }
  q = await startQhronos(['auth', 'writer', 'reader', 'scheduler', 'gateway'], settings)
  second = await q.startGateway()
  await vi.waitFor(async () => expect(await create({ schedule: '0 0 * * *' })).toMatchObject({ status: 201 }), 20_000)
})

afterAll(async () => {
  await second[Symbol.asyncDispose]()
  await q[Symbol.asyncDispose]()
})

const create = (more: object) => q.call('POST', '/events', { body: { name: 'Due', ...more } })

/** An occurrence once it is over. */
const outcomeOf = (id: string) =>
  vi.waitFor(
    async () => {
      const { body } = await q.call('GET', `/occurrences/${id}`)
      expect(body.status).toMatch(/completed|failed/)
      return body
    },
    { timeout: 40_000, interval: 100 },
  )

/** Makes an event, and runs it at once. */
async function fire(more: object): Promise<string> {
  const { status, body } = await create({ start_time: inAnHour(), ...more })
  expect([status, body]).toMatchObject([201, { id: expect.any(String) }])
  const run = await q.call('POST', `/events/${body.id}/run`)
  expect(run.status).toBe(202)
  return run.body.id as string
}

const forClient = (name: string, more: object = {}, params: object = {}) =>
  fire({ action: { type: 'websocket', params: { client_name: name, ...params } }, ...more })

/** A connection that speaks the protocol by hand. */
class Plain implements AsyncDisposable {
  readonly heard: Record<string, unknown>[] = []
  closed = ''
  readonly #socket: WebSocket
  /** From which event on it acknowledges by itself. */
  acksFrom = Infinity
  onEvent: () => void = () => undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>
      this.heard.push(message)
      if (message['type'] === 'event') this.onEvent()
      const acknowledges = message['type'] === 'event' && this.of('event').length >= this.acksFrom
      if (acknowledges) this.send({ type: 'ack', occurrence_id: message['occurrence_id'] })
    })
    socket.addEventListener('close', ({ code, reason }) => (this.closed = `${code} ${reason}`))
  }

  static async open(hello: unknown, url = q.url): Promise<Plain> {
    const plain = new Plain(new WebSocket(`${url.replace('http', 'ws')}/ws`))
    await once(plain.#socket, 'open')
    plain.send(hello)
    return plain
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The messages of a type. */
  of(type: string): Record<string, unknown>[] {
    return this.heard.filter((message) => message['type'] === type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed !== '') return
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}

const registered = (plain: Plain): Promise<void> =>
  vi.waitFor(() => expect(plain.heard[0]).toEqual({ type: 'ack', message: 'subscription registered' }), 10_000)

describe('the first message', () => {
  it.each([
    ['no JSON', 'invalid handshake message'],
    [{ type: 'client-hook', client_name: 'a' }, 'authentication required'],
    [{ type: 'client-hook', client_name: 'a', token: ' ' }, 'authentication required'],
    [{ type: 'client-hook', client_name: 'a', token: 'x' }, 'the token is not one of this deployment'],
    [{ type: 'client-hook', token: 'ADMIN' }, 'client_name required for client-hook'],
    [{ type: 'tag-listener', token: 'ADMIN' }, 'tags required for tag-listener'],
    [{ type: 'other', token: 'ADMIN' }, 'invalid type'],
  ])('%j is refused, and ends the connection', async (hello, message) => {
    const sent =
      typeof hello === 'object' && 'token' in hello && hello.token === 'ADMIN' ? { ...hello, token: q.admin } : hello
    await using plain = await Plain.open(sent)
    await vi.waitFor(() => expect(plain.closed).toMatch(/^4401 /), 10_000)
    expect(plain.heard).toEqual([{ type: 'error', message }])
  })

  it('is refused to a token whose scope leaves out the client or the tag', async () => {
    const token = await q.token('read', ['user:ada', 'client:own'])
    for (const hello of [
      { type: 'client-hook', client_name: 'other', token },
      { type: 'tag-listener', tags: ['user:ada', 'user:eve'], token },
    ]) {
      await using plain = await Plain.open(hello)
      await vi.waitFor(() => expect(plain.heard[0]).toMatchObject({ type: 'error' }), 10_000)
      expect(plain.heard[0]?.['message']).toContain('insufficient scope')
    }
    await using own = await Plain.open({ type: 'client-hook', client_name: 'own', token })
    await registered(own)
  })

  it.each([
    [['store:other'], "the token's scopes leave out store"],
    [['service:read'], "the token's scopes leave out service schedule"],
    [['namespace:demo'], "the token's scopes leave out the namespace qhronos"],
  ])('is refused to a token, of an admin too, that is limited to %j', async (scopes, message) => {
    const token = await q.ownAdmin(scopes)
    for (const hello of [
      { type: 'client-hook', client_name: 'own', token },
      { type: 'tag-listener', tags: ['billing'], token },
    ]) {
      await using plain = await Plain.open(hello)
      await vi.waitFor(() => expect(plain.closed).toMatch(/^4401 /), 10_000)
      expect(plain.heard).toEqual([{ type: 'error', message: expect.stringContaining(message) }])
    }
    await using own = await Plain.open({ type: 'client-hook', client_name: 'own', token: await q.ownAdmin() })
    await registered(own)
    own.send({ type: 'token', token })
    await vi.waitFor(() => expect(own.closed).toMatch(/^4401 /), 10_000)
    const whole = await q.ownAdmin([`store:${q.store}`, 'service:schedule', 'namespace:qhronos'])
    await using limited = await Plain.open({ type: 'tag-listener', tags: ['billing'], token: whole })
    await registered(limited)
  })
})

describe('a client-hook', () => {
  it('gets what is due for its name, with everything that it needs to know', async () => {
    await using plain = await Plain.open({ type: 'client-hook', client_name: 'one', token: q.admin })
    await registered(plain)
    const occurrenceId = await forClient('one', { metadata: { a: 1 }, tags: ['test'] })
    await vi.waitFor(() => expect(plain.of('event')).toHaveLength(1), 20_000)
    expect(plain.of('event')[0]).toMatchObject({
      occurrence_id: occurrenceId,
      name: 'Due',
      metadata: { a: 1 },
      payload: { a: 1 },
      tags: ['test'],
      scheduled_at: expect.stringMatching(/Z$/),
    })
    plain.send({ type: 'ack', occurrence_id: occurrenceId })
    plain.send({ type: 'ack' })
    plain.send('[]')
    plain.send({ type: 'hello' })
    await vi.waitFor(() => expect(plain.heard).toHaveLength(6), 10_000)
    expect(plain.heard.slice(2)).toEqual([
      { type: 'ack', message: 'acknowledged' },
      { type: 'ack', message: 'acknowledged' },
      { type: 'error', message: 'invalid message format' },
      { type: 'error', message: 'unexpected message type after handshake' },
    ])
    expect(await outcomeOf(occurrenceId)).toMatchObject({ status: 'completed', attempt_count: 1 })
  })

  it('has its connections in turn, at whatever gateway they are', async () => {
    const target = { type: 'client-hook', clientName: 'many' } as const
    const heard: DueEvent[][] = [[], []]
    const at = (url: string, events: DueEvent[]) =>
      new QhronosClient({ baseUrl: url, authToken: q.admin }).listen(target, (event) => void events.push(event))
    await using one = at(q.url, heard[0] ?? [])
    await using two = at(second.url, heard[1] ?? [])
    await Promise.all([one.ready, two.ready])
    for (let n = 0; n < 4; n++) expect(await outcomeOf(await forClient('many'))).toMatchObject({ status: 'completed' })
    expect(heard.map((events) => events.length)).toEqual([2, 2])
  })

  it('has all its connections told where the event is a broadcast, and each has to acknowledge', async () => {
    const hello = { type: 'client-hook', client_name: 'all', token: q.admin }
    await using one = await Plain.open(hello)
    await using two = await Plain.open(hello, second.url)
    await Promise.all([registered(one), registered(two)])
    one.acksFrom = 1
    two.acksFrom = 2
    const occurrence = await outcomeOf(await forClient('all', {}, { broadcast: true }))
    // It comes again to both, since one did not acknowledge.
    expect(occurrence).toMatchObject({ status: 'completed', attempt_count: 2, response_body: '2 of 2 connections' })
    expect(occurrence.attempts[0].error_message).toContain('1 of 2 connections acknowledged')
    expect([one.of('event').length, two.of('event').length]).toEqual([2, 2])
  })

  it('is given again what it did not acknowledge in time, by the next connection', async () => {
    const hello = { type: 'client-hook', client_name: 'lost', token: q.admin }
    await using one = await Plain.open(hello)
    await using two = await Plain.open(hello, second.url)
    await Promise.all([registered(one), registered(two)])
    // Whichever has it first says nothing.
    let isFirst = true
    for (const plain of [one, two]) {
      plain.onEvent = () => {
        if (!isFirst) plain.acksFrom = 1
        isFirst = false
      }
    }
    const id = await forClient('lost')
    expect(await outcomeOf(id)).toMatchObject({ status: 'completed', attempt_count: 2 })
    expect([one.of('event'), two.of('event')]).toMatchObject([[{ occurrence_id: id }], [{ occurrence_id: id }]])
  })

  it('fails what is due while no connection is there, or none acknowledges', async () => {
    const nobody = await outcomeOf(await forClient('nobody'))
    expect(nobody).toMatchObject({ status: 'failed', reason: 'attempts', attempt_count: 3 })
    expect(nobody.error_message).toBe('no client connected for id: nobody')
    await using plain = await Plain.open({ type: 'client-hook', client_name: 'closing', token: q.admin })
    await registered(plain)
    const id = await forClient('closing')
    await vi.waitFor(() => expect(plain.of('event')).toHaveLength(1), 20_000)
    await plain[Symbol.asyncDispose]()
    const closing = await outcomeOf(id)
    expect(closing).toMatchObject({ status: 'failed', attempt_count: 3 })
    expect(closing.attempts[0].error_message).toContain('ended before it had acknowledged')
  })

  it('need not acknowledge where the event, or the connection, says so', async () => {
    await using plain = await Plain.open({ type: 'client-hook', client_name: 'quiet', token: q.admin })
    await using other = await Plain.open({ type: 'client-hook', client_name: 'mute', token: q.admin, ack: 'none' })
    await Promise.all([registered(plain), registered(other)])
    for (const id of [await forClient('quiet', {}, { ack: 'none' }), await forClient('mute')]) {
      expect(await outcomeOf(id)).toMatchObject({ status: 'completed', attempt_count: 1 })
    }
    expect([plain.of('event').length, other.of('event').length]).toEqual([1, 1])
  })

  it('gets everything, however many connections of its name were there before', async () => {
    const hello = { type: 'client-hook', client_name: 'again', token: q.admin }
    for (let n = 0; n < 5; n++) {
      await using plain = await Plain.open(hello, n % 2 === 0 ? q.url : second.url)
      await registered(plain)
    }
    await using plain = await Plain.open(hello)
    await registered(plain)
    plain.acksFrom = 1
    for (let n = 0; n < 3; n++) {
      expect(await outcomeOf(await forClient('again'))).toMatchObject({ status: 'completed', attempt_count: 1 })
    }
    expect(plain.of('event')).toHaveLength(3)
  })

  it('goes on with a new token of its owner, and ends when that is revoked', async () => {
    const [first, next, strange] = [
      await q.token('read', ['client:renewed']),
      await q.token('read', ['client:renewed']),
      await q.token('read', ['client:renewed'], 'eve'),
    ]
    await using plain = await Plain.open({ type: 'client-hook', client_name: 'renewed', token: first })
    await registered(plain)
    plain.send({ type: 'token', token: next })
    await vi.waitFor(() => expect(plain.heard[1]).toEqual({ type: 'ack', message: 'token accepted' }), 10_000)
    await using other = await Plain.open({ type: 'client-hook', client_name: 'renewed', token: next })
    await registered(other)
    other.send({ type: 'token', token: strange })
    await vi.waitFor(() => expect(other.heard[1]).toMatchObject({ type: 'error' }), 10_000)
    const response = await fetch(`${q.url}/qcore.auth.v1.TokenService/RevokeToken`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await q.ownAdmin()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ token: next }),
    })
    expect(response.status).toBe(200)
    await vi.waitFor(() => expect(plain.closed).toBe('4401 the token was revoked'), 5_000)
  })
})

describe('a tag-listener', () => {
  it('is told of what has one of its tags, and may not acknowledge', async () => {
    await using plain = await Plain.open({ type: 'tag-listener', tags: ['billing', 'other'], token: q.admin })
    await registered(plain)
    await fire({ schedule: '0 0 * * *', tags: ['unrelated'] })
    const id = await fire({ schedule: '0 0 * * *', tags: ['billing'] })
    await vi.waitFor(() => expect(plain.of('event')).toMatchObject([{ occurrence_id: id, tags: ['billing'] }]), 20_000)
    plain.send({ type: 'ack', occurrence_id: id })
    await vi.waitFor(
      () =>
        expect(plain.of('error')).toEqual([{ type: 'error', message: 'acknowledge not supported for tag-listener' }]),
      10_000,
    )
    const later = await fire({ schedule: '0 0 * * *', tags: ['other'] })
    const heard = (): unknown[] => plain.of('event').map((event) => event['occurrence_id'])
    await vi.waitFor(() => expect(heard()).toEqual([id, later]), 20_000)
  })

  it('is told of what calls somebody too, in addition to the call, at every gateway', async () => {
    const server = createServer((_, response) => response.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const hooks = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const hello = { type: 'tag-listener', tags: ['calls'], token: q.admin }
    await using one = await Plain.open(hello)
    await using two = await Plain.open(hello, second.url)
    await Promise.all([registered(one), registered(two)])
    const ids: string[] = []
    const params = { method: 'GET', url: hooks }
    const acts = [{ webhook: hooks }, { action: { type: 'apicall', params } }, { webhook: 'q:nobody' }]
    for (const act of acts) ids.push(await fire({ ...act, tags: ['calls'] }))
    for (const plain of [one, two]) {
      const heard = (): unknown[] => plain.of('event').map((event) => event['occurrence_id'])
      await vi.waitFor(() => expect(new Set(heard())).toEqual(new Set(ids)), 20_000)
    }
    expect(await outcomeOf(ids[0] ?? '')).toMatchObject({ status: 'completed' })
    server.closeAllConnections()
    server.close()
  })
})

describe('a gateway that NATS is cut off from', () => {
  it('refuses nobody for good, and its clients hear everything when NATS is back', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    await using gateway = await q.startGateway({ Q_NATS_ADDR: nats.url, Q_TOKEN_TRUST_MS: '1' })
    const listen = (clientName: string, heard: DueEvent[]) =>
      new QhronosClient({ baseUrl: gateway.url, authToken: q.admin }).listen(
        { type: 'client-hook', clientName },
        (event) => void heard.push(event),
      )
    const heard: DueEvent[][] = [[], []]
    await using before = listen('before', heard[0] ?? [])
    await before.ready
    nats.cut()
    const refused = async (): Promise<Plain> => {
      await using plain = await Plain.open({ type: 'client-hook', client_name: 'x', token: q.admin }, gateway.url)
      await vi.waitFor(() => expect(plain.closed).toMatch(/^4410 /), 2_000)
      return plain
    }
    await vi.waitFor(refused, 20_000)
    await using meanwhile = listen('meanwhile', heard[1] ?? [])
    const { heard: told } = await refused()
    expect(told).toEqual([{ type: 'error', message: expect.stringContaining('connect again') }])
    nats.restore()
    await meanwhile.ready
    for (const name of ['before', 'meanwhile']) {
      expect(await outcomeOf(await forClient(name))).toMatchObject({ status: 'completed' })
    }
    expect(heard.map((events) => events.length)).toEqual([1, 1])
  })
})
