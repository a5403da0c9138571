import { createHmac } from 'node:crypto'
import { OccurrenceState, ScheduleState, type Occurrence } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Receiver, type Answer } from './_receiver.ts'
import { patience, SchedulerProcess, startStore, type PutInit, type TestStore } from './_store.ts'
import { whenOver } from './_when-over.ts'

/** Receivers of the tests are on this machine. */
const allowed = { Q_EGRESS_ALLOW: '127.0.0.1', Q_WEBHOOK_TIMEOUT_MS: '1000' }

let store: TestStore
let scheduler: Service

beforeAll(async () => {
  store = await startStore()
  scheduler = await store.startScheduler(allowed)
})

afterAll(async () => {
  await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

function webhook(url: string, more: object = {}): NonNullable<PutInit['action']> {
  return { kind: { case: 'webhook', value: { url, ...more } } }
}

const quickRetry = { maxAttempts: 3, backoff: { nanos: 20_000_000 } }

/** Puts a schedule that is due at once, and waits until its occurrence is over. */
async function fire(schedule: Partial<PutInit>): Promise<{ id: string; occurrence: Occurrence }> {
  const rule = new Date(Date.now() + 50).toISOString()
  const id = await store.put({ rule, retry: quickRetry, title: 'Backup', ...schedule })
  return { id, occurrence: await whenOver(store, id) }
}

describe('a webhook', () => {
  it('tells who, what and when, and is signed with the secret of its schedule', async () => {
    await using receiver = await Receiver.start()
    const secret = 'custom-secret'
    const { id, occurrence } = await fire({
      action: webhook(`${receiver.url}/hook`, { secret }),
      tags: ['a', 'b'],
      metadata: '{"z": 1,  "a": 12345678901234567890}',
      description: 'nightly',
    })
    expect(occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 1 })
    expect(occurrence.attempts).toMatchObject([{ number: 1, statusCode: 200, result: 'thanks', error: '' }])
    expect(occurrence.lastAttempt).toEqual(occurrence.attempts[0])
    expect(await store.list(id)).toMatchObject([{ lastAttempt: occurrence.lastAttempt, attempts: [] }])
    const [request, ...others] = receiver.requests
    expect(others).toEqual([])
    const { body = '', headers = {}, method, path } = request ?? {}
    expect({ method, path }).toEqual({ method: 'POST', path: '/hook' })
    expect(body).toContain('"metadata":{"z": 1,  "a": 12345678901234567890}')
    expect(JSON.parse(body)).toMatchObject({
      attempt: 1,
      description: 'nightly',
      event_id: id,
      name: 'Backup',
      occurrence_id: occurrence.id,
      tags: ['a', 'b'],
    })
    const scheduledAt = (JSON.parse(body) as { scheduled_at: string }).scheduled_at
    expect(Math.floor(Date.parse(scheduledAt) / 1_000)).toBe(Number(occurrence.nominalTime?.seconds))
    expect(headers['content-type']).toBe('application/json')
    expect(headers['webhook-id']).toBe(occurrence.id)
    expect(headers['x-qhronos-signature']).toBe(createHmac('sha256', secret).update(body).digest('hex'))
    const content = `${occurrence.id}.${String(headers['webhook-timestamp'])}.${body}`
    const signature = createHmac('sha256', secret).update(content).digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${signature}`)
  })

  it('without a secret is not signed, unless the deployment has one', async () => {
    await using receiver = await Receiver.start()
    await fire({ action: webhook(receiver.url) })
    expect(receiver.requests[0]?.headers).not.toHaveProperty('x-qhronos-signature')
    await scheduler[Symbol.asyncDispose]()
    scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_SECRET: 'of-the-deployment-0123456789' })
    await fire({ action: webhook(receiver.url) })
    const { body = '', headers } = receiver.requests[1] ?? {}
    const expected = createHmac('sha256', 'of-the-deployment-0123456789').update(body).digest('hex')
    expect(headers?.['x-qhronos-signature']).toBe(expected)
  })

  it.each<[string, Answer, string]>([
    ['answers with an error', (_, response) => response.writeHead(500).end('broken'), 'status 500'],
    ['redirects', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(), 'status 302'],
    ['refuses', (_, response) => response.writeHead(404).end(), 'status 404'],
    ['hangs', () => undefined, 'no whole answer within'],
    ['cuts the connection', (_, response) => response.destroy(), 'other side closed'],
    [
      'cuts its answer',
      (_, response) => void response.writeHead(200, { 'content-length': '9' }).write('x', () => response.destroy()),
      'other side closed',
    ],
    ['sends its answer byte by byte', (_, response) => slowly(response), 'no whole answer within'],
    ['speaks another protocol from now on', (_, response) => switchProtocols(response), 'bad upgrade'],
    [
      'has a head that is too large',
      (_, response) => response.writeHead(200, { x: 'y'.repeat(20_000) }).end(),
      'Headers Overflow Error',
    ],
  ])('to a receiver that %s is tried as often as it may be, with one id', async (_, answer, text) => {
    await using receiver = await Receiver.start(answer)
    const { occurrence } = await fire({ action: webhook(receiver.url) })
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'attempts', attemptCount: 3 })
    expect(occurrence.error).toContain(text)
    expect(receiver.requests).toHaveLength(3)
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([occurrence.id]))
    expect(receiver.requests.map(({ body }) => (JSON.parse(body) as { attempt: number }).attempt)).toEqual([1, 2, 3])
    expect(receiver.requests.every(({ path }) => path === '/')).toBe(true)
  })

  it('that nobody takes fails with the reason, and one that is taken at last is done', async () => {
    const closed = await Receiver.start()
    const { url } = closed
    await closed[Symbol.asyncDispose]()
    const { occurrence } = await fire({ action: webhook(url) })
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, attemptCount: 3 })
    expect(occurrence.error).toContain('ECONNREFUSED')
    await using receiver = await Receiver.start((_, response) => {
      response.writeHead(receiver.requests.length < 3 ? 503 : 204).end()
    })
    const taken = await fire({ action: webhook(receiver.url) })
    expect(taken.occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 3 })
  })

  it('is sent once by three schedulers, and tried again as often as it may be by all of them together', async () => {
    await using receiver = await Receiver.start(({ path }, response) => {
      response.writeHead(path === '/failing' ? 500 : 200).end()
    })
    await using _second = await store.startScheduler(allowed)
    await using _third = await store.startScheduler(allowed)
    const rule = new Date(Date.now() + 1_000).toISOString()
    const put = (path: string): Promise<string> =>
      store.put({ rule, retry: quickRetry, action: webhook(`${receiver.url}${path}`) })
    const failing = await put('/failing')
    const ids = await Promise.all(Array.from({ length: 10 }, () => put('/once')))
    for (const id of ids) {
      expect(await whenOver(store, id)).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 1 })
    }
    expect(await whenOver(store, failing)).toMatchObject({ state: OccurrenceState.FAILED, attemptCount: 3 })
    const sent = receiver.requests.filter(({ path }) => path === '/once')
    expect(sent.map(({ body }) => (JSON.parse(body) as { event_id: string }).event_id).sort()).toEqual(ids.sort())
    expect(receiver.requests).toHaveLength(13)
  })

  it('with an answer that does not end is done when enough was read', async () => {
    await using receiver = await Receiver.start((_, response) => {
      const chunk = Buffer.alloc(16_384, 'x')
      // A write to a connection that is gone calls back at once, and with an error.
      const more = (error?: Error | null): void => {
        if (error === undefined || error === null) setImmediate(() => response.write(chunk, more))
      }
      response.writeHead(200)
      more()
    })
    const { occurrence } = await fire({ action: webhook(receiver.url) })
    expect(occurrence.state).toBe(OccurrenceState.COMPLETED)
    expect(occurrence.attempts[0]?.result).toHaveLength(1_024)
  })

  it('waits as long as the receiver asks for', async () => {
    await using receiver = await Receiver.start((_, response) => {
      if (receiver.requests.length > 1) response.end()
      else response.writeHead(429, { 'retry-after': '2' }).end()
    })
    const { occurrence } = await fire({ action: webhook(receiver.url) })
    expect(occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 2 })
    const [first, second] = receiver.requests
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1_900)
  })

  it('to a receiver that is gone is not tried again, and its schedule is disabled until it is resumed', async () => {
    // When the next one is planned.
    await using receiver = await Receiver.start((_, response) => {
      const planned = vi.waitFor(async () => {
        const { rows } = await store.pool.query('select from occurrence where ended_us is null')
        expect(rows.length).toBeGreaterThan(1)
      }, patience)
      void planned.then(() => response.writeHead(410).end())
    })
    const { id, occurrence } = await fire({ action: webhook(receiver.url), rule: '@every 1s' })
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'gone', attemptCount: 1 })
    await vi.waitFor(async () => expect((await store.read(id)).state).toBe(ScheduleState.DISABLED), patience)
    expect((await store.read(id)).disabledReason).toContain('410')
    const count = receiver.requests.length
    receiver.answer = (_, response) => response.end()
    await vi.waitFor(async () => {
      const states = (await store.list(id)).map(({ state, reason }) => `${state} ${reason}`)
      expect(states).toContain(`${OccurrenceState.SKIPPED} disabled`)
    }, patience)
    expect(receiver.requests).toHaveLength(count)
    await store.schedules.resumeSchedule({ schedule: { schedule: { id } } })
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(count), patience)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })

  it('is not sent to an address that is not public', async () => {
    await using receiver = await Receiver.start()
    await scheduler[Symbol.asyncDispose]()
    scheduler = await store.startScheduler()
    const { port } = new URL(receiver.url)
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433']) {
      const { occurrence } = await fire({ action: webhook(`http://${host}:${port}`) })
      expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'refused', attemptCount: 1 })
      expect(occurrence.error).toContain('requests may not go to')
    }
    expect(receiver.requests).toEqual([])
    await scheduler[Symbol.asyncDispose]()
    scheduler = await store.startScheduler(allowed)
  })

  it('is sent again, with the same id, when its scheduler dies while the receiver works on it', async () => {
    await using receiver = await Receiver.start(() => undefined)
    await using own = await startStore()
    const lease = { ...allowed, Q_SCHEDULER_LEASE_MS: '3000', Q_WEBHOOK_TIMEOUT_MS: '2000' }
    await using dying = new SchedulerProcess({ ...own.env, ...lease })
    const id = await own.put({ rule: new Date(Date.now() + 100).toISOString(), action: webhook(receiver.url) })
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), patience)
    await dying.kill()
    receiver.answer = (_, response) => response.end()
    await using _heir = await own.startScheduler(lease)
    await vi.waitFor(async () => expect((await own.list(id))[0]?.state).toBe(OccurrenceState.COMPLETED), patience)
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([
      receiver.requests[0]?.headers['webhook-id'],
      receiver.requests[0]?.headers['webhook-id'],
    ])
    const [row] = await own.list(id)
    const { occurrence } = await own.occurrences.getOccurrence({ occurrenceId: row?.id ?? '' })
    expect(occurrence?.attempts.map(({ outcome }) => outcome)).toEqual([3, 1])
  })

  it('has failed when the scheduler of its last attempt dies, and that attempt is lost', async () => {
    await using receiver = await Receiver.start(() => undefined)
    await using own = await startStore()
    const lease = { ...allowed, Q_SCHEDULER_LEASE_MS: '3000', Q_WEBHOOK_TIMEOUT_MS: '2000' }
    await using dying = new SchedulerProcess({ ...own.env, ...lease })
    const rule = new Date(Date.now() + 100).toISOString()
    const id = await own.put({ rule, action: webhook(receiver.url), retry: { maxAttempts: 1 } })
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), patience)
    await dying.kill()
    await using _heir = await own.startScheduler(lease)
    await vi.waitFor(async () => expect((await own.list(id))[0]?.state).toBe(OccurrenceState.FAILED), patience)
    const [row] = await own.list(id)
    const { occurrence } = await own.occurrences.getOccurrence({ occurrenceId: row?.id ?? '' })
    expect(occurrence).toMatchObject({ reason: 'attempts', attempts: [{ outcome: 3 }] })
    expect(occurrence?.attempts[0]?.endTime).toBeDefined()
    expect(receiver.requests).toHaveLength(1)
  })
})

describe('an API call', () => {
  it('is what was given, and nothing else', async () => {
    await using receiver = await Receiver.start()
    const headers = [
      { name: 'Authorization', value: 'Bearer x' },
      { name: 'Content-Type', value: 'application/json' },
      { name: 'X-Tag', value: 'a' },
      { name: 'X-Tag', value: 'b' },
    ]
    const value = { method: 'PUT', url: `${receiver.url}/a?b=c`, headers, body: Buffer.from('{"foo": "bar"}') }
    const { occurrence } = await fire({ action: { kind: { case: 'apiCall', value } } })
    expect(occurrence.state).toBe(OccurrenceState.COMPLETED)
    const [request] = receiver.requests
    expect(request).toMatchObject({ method: 'PUT', path: '/a?b=c', body: '{"foo": "bar"}' })
    expect(request?.headers).toEqual({
      authorization: 'Bearer x',
      'content-type': 'application/json',
      'content-length': '14',
      'x-tag': 'a, b',
      connection: 'keep-alive',
      host: new URL(receiver.url).host,
    })
  })

  it('that is refused, or that nobody takes, has failed with the reason', async () => {
    const call = (url: string): ReturnType<typeof fire> =>
      fire({ action: { kind: { case: 'apiCall', value: { method: 'POST', url } } } })
    await using receiver = await Receiver.start((_, response) => response.writeHead(500).end())
    const refused = await call(receiver.url)
    expect(refused.occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'attempts', attemptCount: 3 })
    expect(refused.occurrence.error).toContain('status 500')
    const closed = await Receiver.start()
    const { url } = closed
    await closed[Symbol.asyncDispose]()
    const lost = await call(url)
    expect(lost.occurrence).toMatchObject({ state: OccurrenceState.FAILED, attemptCount: 3 })
    expect(lost.occurrence.error).toContain('ECONNREFUSED')
  })
})

/** Answers for ever, a byte at a time. */
function slowly(response: Parameters<Answer>[1]): void {
  response.writeHead(200, { 'content-length': '1000000' })
  const timer = setInterval(() => response.write('x'), 50)
  response.once('close', () => clearInterval(timer))
}

/** Answers as to a request for another protocol, and leaves the connection open. */
function switchProtocols({ socket }: Parameters<Answer>[1]): void {
  socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
}
