import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inAnHour } from './_qhronos.ts'
import { basic, hook, startEvents, uuid, type QhronosEvents } from './_qhronos-events.ts'

let q: QhronosEvents

beforeAll(async () => {
  q = await startEvents()
})

afterAll(() => q[Symbol.asyncDispose]())

describe('POST /events', () => {
  it('makes an event, and shows it as GET does', async () => {
    const wanted = {
      ...basic(),
      description: 'Test Description',
      metadata: { key: 'value' },
      schedule: { frequency: 'weekly', interval: 1, by_day: ['MO', 'WE', 'FR'] },
      tags: ['test'],
    }
    const { status, body, headers } = await q.create({ ...wanted, hmac_secret: 'custom-secret' })
    expect([status, body]).toMatchObject([201, { ...wanted, status: 'active', id: expect.stringMatching(uuid) }])
    expect(JSON.stringify(body)).not.toContain('custom-secret')
    expect(headers.get('location')).toBe(`/events/${body.id}`)
    const read = await q.call('GET', `/events/${body.id}`)
    expect([read.status, read.body]).toEqual([200, body])
  })

  it("takes the form of the first version's README: a cron text and nothing to call", async () => {
    const wanted = {
      name: 'Daily Backup',
      description: 'System backup job',
      schedule: '0 0 * * *',
      tags: ['system:backup'],
      metadata: { backupType: 'full', retentionDays: 7 },
    }
    const { status, body } = await q.create(wanted)
    expect([status, body]).toMatchObject([201, { ...wanted, status: 'active', created_at: expect.any(String) }])
  })

  it.each([
    ['a recurrence of RFC 5545', { schedule: 'FREQ=WEEKLY;BYDAY=MO,WE,FR;INTERVAL=1' }],
    ['cron with a zone', { schedule: { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin' } }],
    ['cron with a start', { schedule: '*/5 * * * *' }],
    ['an object without an interval', { schedule: { frequency: 'daily' } }],
    ...(
      [
        { frequency: 'minutely', interval: 1 },
        { frequency: 'hourly', interval: 1 },
        { frequency: 'weekly', interval: 1, by_day: ['MO', 'WE'] },
        { frequency: 'monthly', interval: 1, by_month_day: [1, 15] },
        { frequency: 'yearly', interval: 1, by_month: [1, 12] },
      ] as const
    ).map((schedule): [string, object] => [schedule.frequency, { schedule }]),
  ])('takes %s, and gives it back as it was sent', async (_, { schedule }: { schedule?: unknown }) => {
    const start_time = inAnHour()
    const { status, body } = await q.create({ ...basic(), start_time, schedule })
    expect([status, body.schedule, body.start_time]).toEqual([201, schedule, start_time])
  })

  it('takes the names that members had once', async () => {
    const old = { title: 'Old', start_time: inAnHour(), webhook_url: hook, payload: { a: 1 }, recurrence: '0 0 * * *' }
    expect((await q.create(old)).body).toMatchObject({
      name: 'Old',
      webhook: hook,
      metadata: { a: 1 },
      schedule: '0 0 * * *',
    })
  })

  it.each([
    [{ webhook: undefined, action: { type: 'webhook', params: { url: hook } } }, { webhook: hook }],
    [{ webhook: 'q:client1' }, { action: { type: 'websocket', params: { client_name: 'client1' } } }],
    [{ action: { type: 'websocket', params: { client_name: 'client1' } } }, { webhook: 'q:client1' }],
    [{ metadata: [1, 'two', null] }, { metadata: [1, 'two', null] }],
  ])('takes %j', async (given, shown) => {
    const { status, body } = await q.create({ ...basic(), ...given })
    expect([status, body]).toMatchObject([201, shown])
  })

  it('keeps an API call as it was sent', async () => {
    const params = { method: 'POST', url: hook, headers: { authorization: 'Bearer x' }, body: '{"foo":"bar"}' }
    const { status, body } = await q.create({ ...basic(), webhook: undefined, action: { type: 'apicall', params } })
    expect([status, body.action]).toEqual([201, { type: 'apicall', params }])
  })

  it.each([
    [{ name: undefined }],
    [{ start_time: undefined }],
    [{ start_time: '0001-01-01T00:00:00Z' }],
    [{ start_time: undefined, schedule: { frequency: 'daily' } }],
    [{ start_time: '0001-01-01T00:00:00Z', schedule: { frequency: 'daily' } }],
    [{ start_time: 'not-a-date' }],
    [{ webhook: undefined }],
    [{ webhook: undefined, schedule: { frequency: 'daily' } }],
    [{ webhook: '' }],
    [{ webhook: 'ftp://example.com' }],
    [{ action: { type: 'foo', params: {} } }],
    [{ action: { params: {} } }],
    [{ action: { type: 'webhook' } }],
    [{ action: { type: 'webhook', params: {} } }],
    [{ action: { type: 'websocket', params: {} } }],
    [{ action: { type: 'apicall', params: { method: 'GET' } } }],
    [{ action: { type: 'apicall', params: { url: hook } } }],
    [{ schedule: { frequency: 'invalid', interval: 1 } }],
    [{ schedule: { frequency: 'secondly', interval: 1 } }],
    [{ schedule: { frequency: 'minutely', interval: 0 } }],
    [{ schedule: { frequency: 'weekly', interval: 1, by_day: ['XX'] } }],
    [{ schedule: { frequency: 'monthly', interval: 1, by_month_day: [0, 32] } }],
    [{ schedule: { frequency: 'yearly', interval: 1, by_month: [0, 13] } }],
    [{ schedule: '0 0 0 * * *' }],
    [{ schedule: 'whenever' }],
    [{ tags: 'test' }],
    [{ tags: ['qhronos.inactive'] }],
  ])('refuses %j with 400', async (wrong) => {
    const { status, body } = await q.create({ ...basic(), ...wrong })
    expect([status, body.error]).toEqual([400, expect.any(String)])
  })

  it('refuses what is no JSON', async () => {
    const { status, body } = await q.call('POST', '/events', { text: '{"name": "Test' })
    expect([status, body.error]).toEqual([400, expect.stringContaining('Invalid JSON')])
  })

  it('makes one event of requests with one key', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = basic()
    const replies = [
      await q.call('POST', '/events', { body, headers }),
      await q.call('POST', '/events', { body, headers }),
    ]
    expect(replies.map(({ status }) => status)).toEqual([201, 201])
    expect(replies[1]?.body.id).toBe(replies[0]?.body.id)
  })

  it('takes a key that two callers chose alike for two keys', async () => {
    const headers = { 'idempotency-key': '1' }
    const tags = ['shared']
    const tokens = [await q.token('write', tags, 'ada'), await q.token('write', tags, 'eve')]
    const call = (path: string, body?: object) =>
      Promise.all(tokens.map((token) => q.call('POST', path, { token, headers, body })))
    const events = await call('/events', { ...basic(), tags })
    expect(events.map(({ status }) => status)).toEqual([201, 201])
    expect(new Set(events.map(({ body }) => body.id)).size).toBe(2)
    const runs = await call(`/events/${events[0]?.body.id}/run`)
    expect(runs.map(({ status }) => status)).toEqual([202, 202])
    expect(new Set(runs.map(({ body }) => body.id)).size).toBe(2)
    const [again] = await call(`/events/${events[0]?.body.id}/run`)
    expect(again?.body.id).toBe(runs[0]?.body.id)
  })
})

describe('ids', () => {
  it('that are none are 400, unknown ones 404, also deleted ones', async () => {
    const { id } = await q.made()
    expect(await q.call('DELETE', `/events/${id}`)).toMatchObject({ status: 200, body: { id } })
    for (const [path, status] of [
      ['/events/invalid-id', 400],
      [`/events/${randomUUID()}`, 404],
      [`/events/${id}`, 404],
      [`/events/${id}/occurrences`, 404],
      ['/events/bad/occurrences', 400],
      ['/occurrences/abc', 400],
      ['/occurrences/999999', 404],
      [`/occurrences/${randomUUID()}`, 404],
    ] as const) {
      expect([path, (await q.call('GET', path)).status]).toEqual([path, status])
    }
    expect((await q.call('DELETE', `/events/${id}`)).status).toBe(404)
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'x' } })).status).toBe(404)
  })

  it('are deleted once by requests with one key', async () => {
    const { id } = await q.made({ tags: ['user:ada'] })
    const headers = { 'idempotency-key': randomUUID() }
    const token = await q.token('write', ['user:eve'])
    expect((await q.call('DELETE', `/events/${id}`, { token, headers })).status).toBe(404)
    for (let times = 0; times < 2; times++) {
      expect(await q.call('DELETE', `/events/${id}`, { headers })).toMatchObject({ status: 200, body: { id } })
    }
    const other = { 'idempotency-key': randomUUID() }
    expect((await q.call('DELETE', `/events/${id}`, { headers: other })).status).toBe(404)
    expect((await q.call('DELETE', `/events/${randomUUID()}`, { headers })).status).toBe(404)
  })

  it('are known in every way that a UUID is written', async () => {
    const { id } = await q.made()
    const forms = [id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`]
    for (const form of forms) {
      expect((await q.call('GET', `/events/${encodeURIComponent(form)}`)).body.id).toBe(id)
    }
  })
})

describe('GET /events', () => {
  it('lists the newest first, by any or all tags, status and pages', async () => {
    const [a, b] = [`a-${randomUUID()}`, `b-${randomUUID()}`]
    const both = await q.made({ tags: [a, b], name: 'both' })
    const one = await q.made({ tags: [a], name: 'one' })
    await q.call('PUT', `/events/${one.id}`, { body: { status: 'paused' } })
    const list = async (query: string) =>
      (await q.call('GET', `/events?${query}`)).body.map(({ id }: { id: string }) => id)
    expect(await list(`tags=${a}`)).toEqual([one.id, both.id])
    expect(await list(`tags=${b},none`)).toEqual([both.id])
    expect(await list(`tags=${a}&tags=${b}&match=all`)).toEqual([both.id])
    expect(await list(`tags=${a}&status=paused`)).toEqual([one.id])
    expect(await list(`tags=none-${a}`)).toEqual([])
    const { body, headers } = await q.call('GET', `/events?tags=${a}&limit=1&page=2`)
    expect([body.length, body[0].id, headers.get('x-total-count')]).toEqual([1, both.id, '2'])
    expect(headers.get('link')).toContain('rel="prev"')
    expect(await list(`tags=${a}&from=2999-01-01T00:00:00Z`)).toEqual([])
    expect((await q.call('GET', '/events?match=some')).status).toBe(400)
  })

  it('lists what was made at a time or later, and before one, to the millisecond', async () => {
    const tag = `made-${randomUUID()}`
    const { id } = await q.made({ tags: [tag] })
    const { created_at: createdAt } = (await q.call('GET', `/events/${id}`)).body
    const after = new Date(Date.parse(createdAt) + 1).toISOString()
    const count = async (query: string): Promise<number> =>
      (await q.call('GET', `/events?tags=${tag}&${query}`)).body.length
    expect([await count(`from=${createdAt}`), await count(`from=${after}`)]).toEqual([1, 0])
    expect([await count(`to=${createdAt}`), await count(`to=${after}`)]).toEqual([0, 1])
  })
})

describe('the scope of a token', () => {
  it('is what its owner sees, and may make, change and delete', async () => {
    const own = await q.made({ tags: ['user:ada', 'priority:high'] })
    const other = await q.made({ tags: ['user:eve'] })
    const token = await q.token('write', ['user:ada'])
    const list = await q.call('GET', '/events', { token })
    const ids = list.body.map(({ id }: { id: string }) => id)
    expect([ids.includes(own.id), ids.includes(other.id)]).toEqual([true, false])
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const options = method === 'PUT' ? { token, body: { name: 'mine' } } : { token }
      expect((await q.call(method, `/events/${other.id}`, options)).status).toBe(404)
    }
    expect((await q.create({ ...basic(), tags: ['user:eve'] }, token)).status).toBe(403)
    expect((await q.create(basic(), token)).status).toBe(403)
    expect((await q.create({ ...basic(), tags: ['user:ada'] }, token)).status).toBe(201)
    const moved = { token, body: { tags: ['user:eve'] } }
    expect((await q.call('PUT', `/events/${own.id}`, moved)).status).toBe(403)
    const reader = await q.token('read', ['user:ada'])
    expect((await q.call('DELETE', `/events/${own.id}`, { token: reader })).status).toBe(403)
    expect((await q.call('DELETE', `/events/${own.id}`, { token })).status).toBe(200)
  })
})
