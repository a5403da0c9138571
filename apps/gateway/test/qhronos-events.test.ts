import { randomUUID } from 'node:crypto'
import { commit, connect } from '@qcore/client'
import { openPool } from '@qcore/database'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { inAnHour, startQhronos, type Qhronos, type Reply } from './_qhronos.ts'

let q: Qhronos

beforeAll(async () => {
  q = await startQhronos(['auth', 'writer', 'reader', 'scheduler', 'gateway'])
  // What every store begins with is made by the writer, once it leads.
  await vi.waitFor(
    async () => expect(await create({ ...basic(), name: 'first' })).toMatchObject({ status: 201 }),
    20_000,
  )
})

afterAll(() => q[Symbol.asyncDispose]())

const hook = 'http://hooks.example.com/qhronos'
const basic = () => ({ name: 'Test Event', start_time: inAnHour(), webhook: hook })
const create = (body: unknown, token = q.admin): Promise<Reply> => q.call('POST', '/events', { token, body })
const made = async (more: object = {}): Promise<{ id: string; version: number }> => {
  const { status, body } = await create({ ...basic(), ...more })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body as { id: string; version: number }
}
/** A call of the platform's own service. */
// oxlint-disable-next-line typescript/no-explicit-any
async function rpc(method: string, body: unknown): Promise<any> {
  const { status, body: answer } = await q.call('POST', `/qcore.schedule.v1.ScheduleService/${method}`, {
    token: await q.ownAdmin(),
    body,
  })
  expect(status).toBe(200)
  return answer
}
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe('POST /events', () => {
  it('makes an event, and shows it as GET does', async () => {
    const wanted = {
      ...basic(),
      description: 'Test Description',
      metadata: { key: 'value' },
      schedule: { frequency: 'weekly', interval: 1, by_day: ['MO', 'WE', 'FR'] },
      tags: ['test'],
    }
    const { status, body, headers } = await create({ ...wanted, hmac_secret: 'custom-secret' })
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
    const { status, body } = await create(wanted)
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
    const { status, body } = await create({ ...basic(), start_time, schedule })
    expect([status, body.schedule, body.start_time]).toEqual([201, schedule, start_time])
  })

  it('takes the names that members had once', async () => {
    const old = { title: 'Old', start_time: inAnHour(), webhook_url: hook, payload: { a: 1 }, recurrence: '0 0 * * *' }
    expect((await create(old)).body).toMatchObject({
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
    const { status, body } = await create({ ...basic(), ...given })
    expect([status, body]).toMatchObject([201, shown])
  })

  it('keeps an API call as it was sent', async () => {
    const params = { method: 'POST', url: hook, headers: { authorization: 'Bearer x' }, body: '{"foo":"bar"}' }
    const { status, body } = await create({ ...basic(), webhook: undefined, action: { type: 'apicall', params } })
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
    const { status, body } = await create({ ...basic(), ...wrong })
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

describe('PUT /events/:id', () => {
  it('changes what is given and nothing else', async () => {
    const start_time = inAnHour()
    const { id } = await made({ start_time, description: 'before', tags: ['test'], metadata: { a: 1 } })
    const given = { description: 'after', tags: ['updated'] }
    const { status, body } = await q.call('PUT', `/events/${id}`, {
      body: { ...given, name: null, start_time: '0001-01-01T00:00:00Z' },
    })
    expect([status, body]).toMatchObject([
      200,
      { name: 'Test Event', start_time, webhook: hook, ...given, metadata: { a: 1 } },
    ])
  })

  it('takes an event back as it is shown', async () => {
    for (const more of [
      { schedule: '0 0 * * *' },
      { start_time: inAnHour(), webhook: hook },
      { start_time: inAnHour(), webhook: 'q:client1', schedule: { frequency: 'daily', interval: 2 } },
    ]) {
      const { body: event } = await create({ name: 'there', tags: ['test'], ...more })
      const { status, body } = await q.call('PUT', `/events/${event.id}`, { body: { ...event, name: 'and back' } })
      const { updated_at: _, version: __, ...shown } = event
      expect([status, body]).toMatchObject([200, { ...shown, name: 'and back' }])
    }
  })

  it('changes everything, also from once to again and again, and the action', async () => {
    const { id } = await made({ schedule: { frequency: 'weekly', by_day: ['MO'] } })
    const wanted = {
      name: 'Updated',
      description: 'Updated',
      schedule: { frequency: 'daily', interval: 1 },
      metadata: { key: 'new' },
      tags: ['updated'],
      action: { type: 'websocket', params: { client_name: 'client2' } },
    }
    const { status, body } = await q.call('PUT', `/events/${id}`, { body: wanted })
    expect([status, body]).toMatchObject([200, { ...wanted, webhook: 'q:client2' }])
    expect(body.schedule).toEqual(wanted.schedule)
  })

  it.each(['paused', 'inactive', 'active'])(
    'makes an event %s, which it stays through other changes',
    async (status) => {
      const { id } = await made({ tags: ['test'] })
      expect((await q.call('PUT', `/events/${id}`, { body: { status } })).body.status).toBe(status)
      const { body } = await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })
      expect([body.name, body.status, body.tags]).toEqual(['Other', status, ['test']])
    },
  )

  it('leaves an inactive event active that was resumed by the platform itself', async () => {
    const { id } = await made()
    expect((await q.call('PUT', `/events/${id}`, { body: { status: 'inactive' } })).body.status).toBe('inactive')
    await rpc('ResumeSchedule', { schedule: { schedule: { id } } })
    const { body } = await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })
    expect([body.name, body.status]).toEqual(['Other', 'active'])
    expect((await rpc('GetSchedule', { schedule: { id } })).schedule.tags ?? []).toEqual([])
  })

  it('leaves a schedule that was not made here as it is, but for what is given', async () => {
    // Its namespace of events is registered with the first event that is told.
    await create({ name: 'told', schedule: '0 0 * * *' })
    const { scheduleId: id } = await rpc('PutSchedule', {
      schedule: {
        namespace: 'qhronos',
        name: 'nightly',
        rule: '0 9 * * *',
        timezone: 'Europe/Berlin',
        action: { emitEvent: { namespace: 'qhronos', type: 'invoice.due', payload: '{"a":1}', correlationId: 'x' } },
        catchUp: 'CATCH_UP_POLICY_LAST',
        catchUpLimit: 3,
        overlap: 'OVERLAP_POLICY_SKIP',
        grace: '60s',
        retry: { maxAttempts: 7 },
      },
    })
    const { schedule: before } = await rpc('GetSchedule', { schedule: { id } })
    expect((await q.call('PUT', `/events/${id}`, { body: { description: 'after' } })).status).toBe(200)
    const { schedule: after } = await rpc('GetSchedule', { schedule: { id } })
    const { revision, updateTime } = after
    expect(after).toEqual({ ...before, description: 'after', revision, updateTime })
  })

  it('keeps what the schedule is bound to, and what it says itself', async () => {
    await using client = await connect({ servers: inject('natsUrl'), store: q.store, token: await q.ownAdmin() })
    await client.setSchema({ type: 'Plan', fields: { Rule: 'String', Zone: 'String', Body: 'String' } })
    const entityId = 'bound-plan'
    const fields = { Rule: '17 * * * *', Zone: 'Asia/Kolkata', Body: '{"field":1}' }
    await client.commit(commit().create('Plan', { parent: await client.root(), name: entityId, id: entityId, fields }))
    const own = { rule: '5 * * * *', timezone: 'Europe/Paris', metadata: '{"own":1}' }
    const { scheduleId: id } = await rpc('PutSchedule', {
      schedule: {
        namespace: 'qhronos',
        ...own,
        action: { webhook: { url: hook } },
        bindings: {
          rule: { entityId, field: 'Rule' },
          timezone: { entityId, field: 'Zone' },
          payload: { entityId, field: 'Body' },
        },
      },
    })
    const { schedule: before } = await rpc('GetSchedule', { schedule: { id } })
    expect(before).toMatchObject({ rule: fields.Rule, timezone: fields.Zone, metadata: fields.Body })
    expect((await q.call('PUT', `/events/${id}`, { body: { description: 'after' } })).status).toBe(200)
    const { schedule: after } = await rpc('GetSchedule', { schedule: { id } })
    const { revision, updateTime } = after
    expect(after).toEqual({ ...before, description: 'after', revision, updateTime })
    const emptied = commit().write(entityId, 'Rule', '').write(entityId, 'Zone', '').write(entityId, 'Body', '')
    await client.commit(emptied)
    expect((await rpc('GetSchedule', { schedule: { id } })).schedule).toMatchObject(own)
  })

  it.each([
    ['once', {}],
    ['cron with a start', { schedule: '0 0 * * *' }],
    ['a recurrence', { schedule: 'FREQ=DAILY;INTERVAL=2' }],
    ['a recurrence as an object', { schedule: { frequency: 'daily', interval: 2 } }],
  ])('that changes nothing makes no other version: %s', async (_, more) => {
    const { id, version } = await made({ tags: ['test'], ...more })
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Test Event' } })).body.version).toBe(version)
  })

  it('moves the start, or says that the schedule has its own', async () => {
    const [start, later] = ['2030-01-01T09:00:00.000Z', '2030-02-01T09:00:00.000Z']
    const change = (id: string, body: object) => q.call('PUT', `/events/${id}`, { body })
    for (const schedule of [{ frequency: 'daily' }, 'FREQ=DAILY', '0 9 * * *']) {
      const { id } = await made({ start_time: start, schedule })
      const { status, body } = await change(id, { start_time: later })
      expect([status, body.start_time, body.schedule]).toEqual([200, later, schedule])
    }
    for (const schedule of [{ frequency: 'daily', start }, 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY']) {
      const { id, version } = await made({ start_time: start, schedule })
      const wrong = await change(id, { start_time: later })
      expect([wrong.status, wrong.body.field]).toEqual([400, 'start_time'])
      const { body: read } = await q.call('GET', `/events/${id}`)
      expect([read.start_time, read.schedule]).toEqual([start, schedule])
      // What was read may be sent back.
      const { status, body } = await change(id, { start_time: start, schedule })
      expect([status, body.version]).toEqual([200, version])
    }
    for (const schedule of [{ frequency: 'daily', start }, 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY']) {
      const both = { ...basic(), start_time: later, schedule }
      expect((await create(both)).body).toMatchObject({ field: 'start_time', code: 'invalid_request' })
    }
    const local = 'DTSTART;TZID=Europe/Paris:20300101T090000\nRRULE:FREQ=DAILY'
    expect((await create({ ...basic(), start_time: later, schedule: local })).status).toBe(201)
  })

  it('to a schedule with a start of its own makes one version', async () => {
    const { id } = await made({ schedule: 'FREQ=DAILY' })
    const body = { schedule: 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY' }
    const { version } = (await q.call('PUT', `/events/${id}`, { body })).body
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Test Event' } })).body.version).toBe(version)
  })

  it('keeps the occurrences of an event whose start was filled in', async () => {
    const { id } = (await create({ name: 'Test Event', webhook: hook, schedule: 'FREQ=DAILY' })).body
    const { body: before } = await q.call('GET', `/events/${id}/occurrences`)
    expect(before).toMatchObject([{ status: 'pending' }])
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })).status).toBe(200)
    expect((await q.call('GET', `/events/${id}/occurrences`)).body).toEqual(before)
  })

  it('tells of an event as it is after the change', async () => {
    const { body: event } = await create({ name: 'told', schedule: '0 0 * * *' })
    await q.call('PUT', `/events/${event.id}`, { body: { name: 'told otherwise' } })
    const { schedule } = await rpc('GetSchedule', { schedule: { id: event.id } })
    expect(JSON.parse(schedule.action.emitEvent.payload)).toMatchObject({ event_id: event.id, name: 'told otherwise' })
  })

  it('refuses another status, an empty name, and what is no JSON, and changes nothing', async () => {
    const { id } = await made()
    for (const body of [{ status: 'deleted' }, { name: '' }, { schedule: { frequency: 'x' } }]) {
      expect((await q.call('PUT', `/events/${id}`, { body })).status).toBe(400)
    }
    expect((await q.call('PUT', `/events/${id}`, { text: '{' })).status).toBe(400)
    expect((await q.call('GET', `/events/${id}`)).body.name).toBe('Test Event')
  })

  it('with If-Match changes only what the caller knows', async () => {
    const { id } = await made()
    const { headers } = await q.call('GET', `/events/${id}`)
    const etag = headers.get('etag') ?? ''
    const change = (name: string) => q.call('PUT', `/events/${id}`, { body: { name }, headers: { 'if-match': etag } })
    expect((await change('one')).status).toBe(200)
    expect([(await change('two')).status, (await change('two')).body.code]).toEqual([412, 'condition_failed'])
    const known = (await q.call('GET', `/events/${id}`)).headers.get('etag') ?? ''
    expect((await q.call('GET', `/events/${id}`, { headers: { 'if-none-match': known } })).status).toBe(304)
  })

  it('makes one change of requests with one key and body, whatever becomes of the event meanwhile', async () => {
    const { id } = await made()
    const headers = { 'idempotency-key': randomUUID() }
    const change = (body: object) => q.call('PUT', `/events/${id}`, { body, headers })
    const first = await change({ name: 'one' })
    expect([first.status, first.body.name]).toEqual([200, 'one'])
    const again = await change({ name: 'one' })
    expect([again.status, again.body]).toEqual([200, first.body])
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'two' } })).status).toBe(200)
    const late = await change({ name: 'one' })
    expect([late.status, late.body.name]).toEqual([200, 'two'])
    expect((await change({ name: 'three' })).body.name).toBe('three')
  })

  it('loses none of several changes at the same time', async () => {
    const { id } = await made()
    const changes = [{ name: 'A' }, { description: 'B' }, { tags: ['C'] }]
    const replies = await Promise.all(changes.map((body) => q.call('PUT', `/events/${id}`, { body })))
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await q.call('GET', `/events/${id}`)).body).toMatchObject({ name: 'A', description: 'B', tags: ['C'] })
  })
})

describe('ids', () => {
  it('that are none are 400, unknown ones 404, also deleted ones', async () => {
    const { id } = await made()
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
    const { id } = await made({ tags: ['user:ada'] })
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
    const { id } = await made()
    const forms = [id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`]
    for (const form of forms) {
      expect((await q.call('GET', `/events/${encodeURIComponent(form)}`)).body.id).toBe(id)
    }
  })
})

describe('GET /events', () => {
  it('lists the newest first, by any or all tags, status and pages', async () => {
    const [a, b] = [`a-${randomUUID()}`, `b-${randomUUID()}`]
    const both = await made({ tags: [a, b], name: 'both' })
    const one = await made({ tags: [a], name: 'one' })
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
    const { id } = await made({ tags: [tag] })
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
    const own = await made({ tags: ['user:ada', 'priority:high'] })
    const other = await made({ tags: ['user:eve'] })
    const token = await q.token('write', ['user:ada'])
    const list = await q.call('GET', '/events', { token })
    const ids = list.body.map(({ id }: { id: string }) => id)
    expect([ids.includes(own.id), ids.includes(other.id)]).toEqual([true, false])
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const options = method === 'PUT' ? { token, body: { name: 'mine' } } : { token }
      expect((await q.call(method, `/events/${other.id}`, options)).status).toBe(404)
    }
    expect((await create({ ...basic(), tags: ['user:eve'] }, token)).status).toBe(403)
    expect((await create(basic(), token)).status).toBe(403)
    expect((await create({ ...basic(), tags: ['user:ada'] }, token)).status).toBe(201)
    const moved = { token, body: { tags: ['user:eve'] } }
    expect((await q.call('PUT', `/events/${own.id}`, moved)).status).toBe(403)
    const reader = await q.token('read', ['user:ada'])
    expect((await q.call('DELETE', `/events/${own.id}`, { token: reader })).status).toBe(403)
    expect((await q.call('DELETE', `/events/${own.id}`, { token })).status).toBe(200)
  })
})

describe('occurrences', () => {
  it('are listed before they are due, by event and by tags; by nothing is 400', async () => {
    const [tag, other] = [`tag-${randomUUID()}`, `tag-${randomUUID()}`]
    const start_time = inAnHour()
    const { id } = await made({ start_time, tags: [tag, other] })
    const byEvent = await q.call('GET', `/events/${id}/occurrences`)
    const expected = { event_id: id, status: 'pending', scheduled_at: start_time, id: expect.stringMatching(uuid) }
    expect(byEvent.body).toMatchObject([expected])
    const [first] = byEvent.body
    expect(first.occurrence_id).toBe(first.id)
    for (const [tags, count] of [
      [`${tag},${other}`, 1],
      [`${tag}&tags=${other}`, 1],
      [`${tag},none`, 0],
      [`${tag},none&match=any`, 1],
      [`none&tags=${tag}&match=any`, 1],
    ] as const) {
      expect([tags, (await q.call('GET', `/occurrences?tags=${tags}`)).body.length]).toEqual([tags, count])
    }
    const byTag = await q.call('GET', `/occurrences?tags=${tag}`)
    expect([byTag.headers.get('x-total-count'), byTag.body.map((each: { id: string }) => each.id)]).toEqual([
      '1',
      [first.id],
    ])
    const read = await q.call('GET', `/occurrences/${first.id}`)
    expect(read.body).toMatchObject({ event_id: id, scheduled_at: first.scheduled_at, attempt_count: 0 })
    const stranger = await q.token('read', ['user:eve'])
    expect((await q.call('GET', `/occurrences/${first.id}`, { token: stranger })).status).toBe(404)
    expect((await q.call('GET', `/occurrences?tags=${tag}`, { token: stranger })).body).toEqual([])
    expect((await q.call('GET', '/occurrences')).status).toBe(400)
    expect((await q.call('GET', `/occurrences?tags=${tag}&status=nonsense`)).status).toBe(400)
    const far = await q.call('GET', `/occurrences?tags=${tag}&page=42949674&limit=100`)
    expect([far.status, far.body.field]).toEqual([400, 'page'])
    await q.call('DELETE', `/events/${id}`)
    expect((await q.call('GET', `/occurrences?tags=${tag}`)).body).toEqual([])
  })

  it('that are more than a list has are on further pages, all of them, and counted', async () => {
    const tag = `tag-${randomUUID()}`
    const { id } = await made({ tags: [tag] })
    const pool = openPool(
      { address: inject('postgresUrl'), store: q.store, applicationName: 'test', max: 1 },
      () => undefined,
    )
    await pool.query(
      `insert into occurrence (
         id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us, ended_us)
       select gen_random_uuid()::text, $1, n, n, n, n, 4, 1, 1, n, n from generate_series(1, 10049) as n`,
      [id],
    )
    await pool.end()
    const ids = (body: { id: string }[]): string[] => body.map((each) => each.id)
    for (const path of [`/occurrences?tags=${tag}`, `/events/${id}/occurrences`]) {
      const all = await q.call('GET', path)
      expect([all.body.length, all.headers.get('x-total-count')]).toEqual([10_000, '10050'])
      const times: number[] = all.body.map((each: { scheduled_at: string }) => Date.parse(each.scheduled_at))
      expect(times).toEqual(times.toSorted((a, b) => b - a))
      const [, next = ''] = /<([^>]+)>; rel="next"/.exec(all.headers.get('link') ?? '') ?? []
      const rest = await q.call('GET', next)
      expect(rest.body).toHaveLength(50)
      expect(rest.headers.get('link')).not.toContain('rel="next"')
      expect(new Set([...ids(all.body), ...ids(rest.body)]).size).toBe(10_050)
      const second = await q.call('GET', `${path}${path.includes('?') ? '&' : '?'}page=2&limit=10`)
      expect(ids(second.body)).toEqual(ids(all.body).slice(10, 20))
    }
    const reader = await q.token('read', [tag])
    expect((await q.call('GET', `/occurrences?tags=${tag}&limit=1`, { token: reader })).body).toHaveLength(1)
    const stranger = await q.token('read', ['user:eve'])
    const none = await q.call('GET', `/occurrences?tags=${tag}`, { token: stranger })
    expect([none.body, none.headers.get('x-total-count')]).toEqual([[], '0'])
  })

  it('can be told before they are there', async () => {
    const body = { schedule: { frequency: 'weekly', by_day: ['MO'] }, start_time: '2024-05-02T10:00:00Z' }
    const query = 'from=2024-05-30T10:00:00Z&count=2'
    const { status, body: answer } = await q.call('POST', `/preview?${query}`, { body })
    expect([status, answer.times]).toEqual([200, ['2024-06-03T10:00:00.000Z', '2024-06-10T10:00:00.000Z']])
    const { id } = await made({ schedule: '0 0 * * *' })
    expect((await q.call('GET', `/events/${id}/preview?count=3`)).body.times.length).toBe(3)
    expect((await q.call('GET', `/events/${id}/preview?count=0`)).status).toBe(400)
  })
})
