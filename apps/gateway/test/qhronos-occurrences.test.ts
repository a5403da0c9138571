import { randomUUID } from 'node:crypto'
import { openPool } from '@qcore/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { inAnHour } from './_qhronos.ts'
import { startEvents, uuid, type QhronosEvents } from './_qhronos-events.ts'

let q: QhronosEvents

beforeAll(async () => {
  q = await startEvents()
})

afterAll(() => q[Symbol.asyncDispose]())

describe('occurrences', () => {
  it('are listed before they are due, by event and by tags; by nothing is 400', async () => {
    const [tag, other] = [`tag-${randomUUID()}`, `tag-${randomUUID()}`]
    const start_time = inAnHour()
    const { id } = await q.made({ start_time, tags: [tag, other] })
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
    const { id } = await q.made({ tags: [tag] })
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
    const { id } = await q.made({ schedule: '0 0 * * *' })
    expect((await q.call('GET', `/events/${id}/preview?count=3`)).body.times.length).toBe(3)
    expect((await q.call('GET', `/events/${id}/preview?count=0`)).status).toBe(400)
  })
})
