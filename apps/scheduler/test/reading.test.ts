import { randomUUID } from 'node:crypto'
import { timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { OccurrenceState, ScheduleState } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { inMs } from './_due.ts'
import { problemOf } from './_problem.ts'
import { patience, startStore, type TestStore } from './_store.ts'
import { whenCompleted } from './_when-over.ts'

let store: TestStore
let scheduler: Service

beforeAll(async () => {
  store = await startStore()
  scheduler = await store.startScheduler()
})

afterAll(async () => {
  await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

describe('a preview', () => {
  it('shows when a rule fires, and what an edit would change', async () => {
    const id = await store.put({ rule: '{"cron": "0 9 * * *", "timezone": "America/New_York"}' })
    const fromTime = timestampFromMs(Date.parse('2026-03-07T00:00:00Z'))
    const shown = await store.schedules.previewSchedule({ schedule: { id }, fromTime, limit: 3 })
    const isoOf = (times: readonly Parameters<typeof timestampDate>[0][]): string[] =>
      times.map((time) => timestampDate(time).toISOString())
    expect(isoOf(shown.times)).toEqual([
      '2026-03-07T14:00:00.000Z',
      '2026-03-08T13:00:00.000Z',
      '2026-03-09T13:00:00.000Z',
    ])
    expect(shown.hasMore).toBe(true)
    const rule = '{"cron": "0 9 * * 1-5", "timezone": "America/New_York"}'
    const toTime = timestampFromMs(Date.parse('2026-03-10T00:00:00Z'))
    const edited = await store.schedules.previewSchedule({ schedule: { id }, rule, fromTime, toTime })
    expect(isoOf(edited.removedTimes)).toEqual(['2026-03-07T14:00:00.000Z', '2026-03-08T13:00:00.000Z'])
    expect(edited.addedTimes).toEqual([])
  })

  it.each([
    [{ rule: '61 * * * *' }, 'invalid_schedule', 'rule.cron.minute'],
    [{ rule: '0 0 30 2 *' }, 'schedule_never_fires', 'rule.cron'],
    [{}, 'invalid_request', 'rule'],
    [{ rule: '@daily', limit: 1_001 }, 'invalid_request', 'limit'],
  ])('says what is wrong with %j', async (request, code, field) => {
    expect(await problemOf(store.schedules.previewSchedule(request))).toEqual({ code, field })
  })

  it('refuses a start beside another one of the rule', async () => {
    const rule = 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY'
    const at = (time: string) => ({ rule, startTime: timestampFromMs(Date.parse(time)) })
    expect((await store.schedules.previewSchedule(at('2030-01-01T09:00:00Z'))).times).not.toEqual([])
    expect(await problemOf(store.schedules.previewSchedule(at('2030-01-01T10:00:00Z')))).toEqual({
      code: 'invalid_schedule',
      field: 'start_time',
    })
  })
})

describe('an explanation', () => {
  it('says what became of a time', async () => {
    const id = await store.put({ rule: inMs(300) })
    const [done] = await whenCompleted(store, id, 1)
    const at = (nominalTime: ReturnType<typeof timestampFromMs>): Promise<string> =>
      store.occurrences.explainOccurrence({ schedule: { id }, nominalTime }).then(({ text }) => text)
    expect(await at(done?.nominalTime ?? timestampFromMs(0))).toMatch(/^It ran at .*, and was done after 1 attempt\.$/)
    expect(await at(timestampFromMs(Date.now() + 5_000))).toBe('The rule has no occurrence at that time.')
    expect(await at(timestampFromMs(0))).toMatch(/^The schedule was made at /)
    const missed = await store.put({ rule: '2020-01-01T00:00:00Z' })
    await vi.waitFor(async () => {
      const [only] = await store.list(missed)
      expect(only).toMatchObject({ state: OccurrenceState.MISSED, reason: 'policy', attemptCount: 0 })
    }, patience)
  })
})

describe('lists', () => {
  it('of schedules are filtered by namespace, tags and state, newest first, page by page', async () => {
    const tag = randomUUID()
    const ids: string[] = []
    for (let index = 0; index < 5; index++) {
      ids.unshift(await store.put({ rule: '0 0 1 1 *', tags: [tag, `n${index % 2}`], paused: index === 3 }))
    }
    const found: string[] = []
    for (let cursor = ''; ;) {
      const page = await store.schedules.listSchedules({ tags: [tag], limit: 2, cursor })
      found.push(...page.schedules.map(({ id }) => id))
      cursor = page.nextCursor
      if (cursor === '') break
    }
    expect(found).toEqual(ids)
    const both = await store.schedules.listSchedules({ tags: [tag, 'n1'], matchAllTags: true })
    expect(both.schedules).toHaveLength(2)
    const paused = await store.schedules.listSchedules({ tags: [tag], state: ScheduleState.PAUSED })
    expect(paused.schedules.map(({ id }) => id)).toEqual([ids[1]])
    const elsewhere = await store.schedules.listSchedules({ tags: [tag], namespace: 'elsewhere' })
    expect(elsewhere.schedules).toEqual([])
    expect((await problemOf(store.schedules.listSchedules({ cursor: 'x' }))).code).toBe('invalid_cursor')
  })

  it('tell of no deleted schedule', async () => {
    const id = await store.put({ rule: '0 0 1 1 *', tags: [randomUUID()] })
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    expect(await problemOf(store.schedules.getSchedule({ schedule: { id } }))).toEqual({
      code: 'unknown_schedule',
      field: 'schedule',
    })
    expect(await problemOf(store.schedules.getSchedule({ schedule: { name: 'x' } }))).toEqual({
      code: 'invalid_request',
      field: 'schedule',
    })
  })
})
