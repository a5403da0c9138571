import { randomUUID } from 'node:crypto'
import { commit, connect } from '@qcore/client'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { inAnHour } from './_qhronos.ts'
import { basic, hook, startEvents, type QhronosEvents } from './_qhronos-events.ts'

let q: QhronosEvents

beforeAll(async () => {
  q = await startEvents()
})

afterAll(() => q[Symbol.asyncDispose]())

describe('PUT /events/:id', () => {
  it('changes what is given and nothing else', async () => {
    const start_time = inAnHour()
    const { id } = await q.made({ start_time, description: 'before', tags: ['test'], metadata: { a: 1 } })
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
      const { body: event } = await q.create({ name: 'there', tags: ['test'], ...more })
      const { status, body } = await q.call('PUT', `/events/${event.id}`, { body: { ...event, name: 'and back' } })
      const { updated_at: _, version: __, ...shown } = event
      expect([status, body]).toMatchObject([200, { ...shown, name: 'and back' }])
    }
  })

  it('changes everything, also from once to again and again, and the action', async () => {
    const { id } = await q.made({ schedule: { frequency: 'weekly', by_day: ['MO'] } })
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
      const { id } = await q.made({ tags: ['test'] })
      expect((await q.call('PUT', `/events/${id}`, { body: { status } })).body.status).toBe(status)
      const { body } = await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })
      expect([body.name, body.status, body.tags]).toEqual(['Other', status, ['test']])
    },
  )

  it('leaves an inactive event active that was resumed by the platform itself', async () => {
    const { id } = await q.made()
    expect((await q.call('PUT', `/events/${id}`, { body: { status: 'inactive' } })).body.status).toBe('inactive')
    await q.rpc('ResumeSchedule', { schedule: { schedule: { id } } })
    const { body } = await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })
    expect([body.name, body.status]).toEqual(['Other', 'active'])
    expect((await q.rpc('GetSchedule', { schedule: { id } })).schedule.tags ?? []).toEqual([])
  })

  it('leaves a schedule that was not made here as it is, but for what is given', async () => {
    // Its namespace of events is registered with the first event that is told.
    await q.create({ name: 'told', schedule: '0 0 * * *' })
    const { scheduleId: id } = await q.rpc('PutSchedule', {
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
    const { schedule: before } = await q.rpc('GetSchedule', { schedule: { id } })
    expect((await q.call('PUT', `/events/${id}`, { body: { description: 'after' } })).status).toBe(200)
    const { schedule: after } = await q.rpc('GetSchedule', { schedule: { id } })
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
    const { scheduleId: id } = await q.rpc('PutSchedule', {
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
    const { schedule: before } = await q.rpc('GetSchedule', { schedule: { id } })
    expect(before).toMatchObject({ rule: fields.Rule, timezone: fields.Zone, metadata: fields.Body })
    expect((await q.call('PUT', `/events/${id}`, { body: { description: 'after' } })).status).toBe(200)
    const { schedule: after } = await q.rpc('GetSchedule', { schedule: { id } })
    const { revision, updateTime } = after
    expect(after).toEqual({ ...before, description: 'after', revision, updateTime })
    const emptied = commit().write(entityId, 'Rule', '').write(entityId, 'Zone', '').write(entityId, 'Body', '')
    await client.commit(emptied)
    expect((await q.rpc('GetSchedule', { schedule: { id } })).schedule).toMatchObject(own)
  })

  it.each([
    ['once', {}],
    ['cron with a start', { schedule: '0 0 * * *' }],
    ['a recurrence', { schedule: 'FREQ=DAILY;INTERVAL=2' }],
    ['a recurrence as an object', { schedule: { frequency: 'daily', interval: 2 } }],
  ])('that changes nothing makes no other version: %s', async (_, more) => {
    const { id, version } = await q.made({ tags: ['test'], ...more })
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Test Event' } })).body.version).toBe(version)
  })

  it('moves the start, or says that the schedule has its own', async () => {
    const [start, later] = ['2030-01-01T09:00:00.000Z', '2030-02-01T09:00:00.000Z']
    const change = (id: string, body: object) => q.call('PUT', `/events/${id}`, { body })
    for (const schedule of [{ frequency: 'daily' }, 'FREQ=DAILY', '0 9 * * *']) {
      const { id } = await q.made({ start_time: start, schedule })
      const { status, body } = await change(id, { start_time: later })
      expect([status, body.start_time, body.schedule]).toEqual([200, later, schedule])
    }
    for (const schedule of [{ frequency: 'daily', start }, 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY']) {
      const { id, version } = await q.made({ start_time: start, schedule })
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
      expect((await q.create(both)).body).toMatchObject({ field: 'start_time', code: 'invalid_request' })
    }
    const local = 'DTSTART;TZID=Europe/Paris:20300101T090000\nRRULE:FREQ=DAILY'
    expect((await q.create({ ...basic(), start_time: later, schedule: local })).status).toBe(201)
  })

  it('to a schedule with a start of its own makes one version', async () => {
    const { id } = await q.made({ schedule: 'FREQ=DAILY' })
    const body = { schedule: 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY' }
    const { version } = (await q.call('PUT', `/events/${id}`, { body })).body
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Test Event' } })).body.version).toBe(version)
  })

  it('keeps the occurrences of an event whose start was filled in', async () => {
    const { id } = (await q.create({ name: 'Test Event', webhook: hook, schedule: 'FREQ=DAILY' })).body
    const { body: before } = await q.call('GET', `/events/${id}/occurrences`)
    expect(before).toMatchObject([{ status: 'pending' }])
    expect((await q.call('PUT', `/events/${id}`, { body: { name: 'Other' } })).status).toBe(200)
    expect((await q.call('GET', `/events/${id}/occurrences`)).body).toEqual(before)
  })

  it('tells of an event as it is after the change', async () => {
    const { body: event } = await q.create({ name: 'told', schedule: '0 0 * * *' })
    await q.call('PUT', `/events/${event.id}`, { body: { name: 'told otherwise' } })
    const { schedule } = await q.rpc('GetSchedule', { schedule: { id: event.id } })
    expect(JSON.parse(schedule.action.emitEvent.payload)).toMatchObject({ event_id: event.id, name: 'told otherwise' })
  })

  it('refuses another status, an empty name, and what is no JSON, and changes nothing', async () => {
    const { id } = await q.made()
    for (const body of [{ status: 'deleted' }, { name: '' }, { schedule: { frequency: 'x' } }]) {
      expect((await q.call('PUT', `/events/${id}`, { body })).status).toBe(400)
    }
    expect((await q.call('PUT', `/events/${id}`, { text: '{' })).status).toBe(400)
    expect((await q.call('GET', `/events/${id}`)).body.name).toBe('Test Event')
  })

  it('with If-Match changes only what the caller knows', async () => {
    const { id } = await q.made()
    const { headers } = await q.call('GET', `/events/${id}`)
    const etag = headers.get('etag') ?? ''
    const change = (name: string) => q.call('PUT', `/events/${id}`, { body: { name }, headers: { 'if-match': etag } })
    expect((await change('one')).status).toBe(200)
    expect([(await change('two')).status, (await change('two')).body.code]).toEqual([412, 'condition_failed'])
    const known = (await q.call('GET', `/events/${id}`)).headers.get('etag') ?? ''
    expect((await q.call('GET', `/events/${id}`, { headers: { 'if-none-match': known } })).status).toBe(304)
  })

  it('makes one change of requests with one key and body, whatever becomes of the event meanwhile', async () => {
    const { id } = await q.made()
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
    const { id } = await q.made()
    const changes = [{ name: 'A' }, { description: 'B' }, { tags: ['C'] }]
    const replies = await Promise.all(changes.map((body) => q.call('PUT', `/events/${id}`, { body })))
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await q.call('GET', `/events/${id}`)).body).toMatchObject({ name: 'A', description: 'B', tags: ['C'] })
  })
})
