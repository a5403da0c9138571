import { once } from 'node:events'
import { QhronosClient, type DueEvent } from '@qcore/qhronos-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { inAnHour, startQhronos, type Qhronos } from './_qhronos.ts'

let q: Qhronos

beforeAll(async () => {
  q = await startQhronos(['auth', 'writer', 'reader', 'scheduler', 'gateway'])
  await vi.waitFor(async () => expect(await create({ schedule: '0 0 * * *' })).toMatchObject({ status: 201 }), 20_000)
})

afterAll(() => q[Symbol.asyncDispose]())

const create = (more: object) => q.call('POST', '/events', { body: { name: 'Due', ...more } })

/** Makes an event, and runs it at once. */
async function fire(more: object): Promise<string> {
  const { status, body } = await create({ start_time: inAnHour(), ...more })
  expect([status, body]).toMatchObject([201, { id: expect.any(String) }])
  const run = await q.call('POST', `/events/${body.id}/run`)
  expect(run.status).toBe(202)
  return run.body.id as string
}

const forClient = (name: string, more: object = {}) =>
  fire({ action: { type: 'websocket', params: { client_name: name } }, ...more })

/** A connection that speaks the protocol by hand. */
class Plain implements AsyncDisposable {
  readonly heard: Record<string, unknown>[] = []
  closed = ''
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => void this.heard.push(JSON.parse(String(data))))
    socket.addEventListener('close', ({ code, reason }) => (this.closed = `${code} ${reason}`))
  }

  static async open(hello: unknown): Promise<Plain> {
    const plain = new Plain(new WebSocket(`${q.url.replace('http', 'ws')}/ws`))
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
  })

  it('gets what came due while it was away, and each event at one of its connections', async () => {
    const ids = [await forClient('many'), await forClient('many'), await forClient('many'), await forClient('many')]
    const client = new QhronosClient({ baseUrl: q.url, authToken: q.admin })
    const heard: DueEvent[] = []
    const target = { type: 'client-hook', clientName: 'many' } as const
    await using one = client.listen(target, (event) => void heard.push(event))
    await using two = client.listen(target, (event) => void heard.push(event))
    await Promise.all([one.ready, two.ready])
    await vi.waitFor(() => expect(heard.map(({ occurrence_id }) => occurrence_id).sort()).toEqual(ids.sort()), 20_000)
  })

  it('leaves what it did not acknowledge to the next connection', async () => {
    const first = await Plain.open({ type: 'client-hook', client_name: 'lost', token: q.admin })
    await registered(first)
    const id = await forClient('lost')
    await vi.waitFor(() => expect(first.of('event')).toHaveLength(1), 20_000)
    await first[Symbol.asyncDispose]()
    await using second = await Plain.open({ type: 'client-hook', client_name: 'lost', token: q.admin })
    await registered(second)
    await vi.waitFor(() => expect(second.of('event')).toMatchObject([{ occurrence_id: id }]), 100_000)
  }, 120_000)

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
  })
})
