import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startStore, type TestStore } from './_store.ts'

const minuteMs = 60_000

let store: TestStore
let services: AsyncDisposableStack

beforeAll(async () => {
  services = new AsyncDisposableStack()
  store = services.use(await startStore())
  services.use(await store.startScheduler())
})

afterAll(() => services.disposeAsync())

beforeEach(async () => {
  await store.pool.query('delete from audit')
})

async function deeds(): Promise<unknown[]> {
  const { rows } = await store.pool.query(
    'select subject, token_id, action, target, detail from audit order by audit_id',
  )
  return rows
}

const byTester = { subject: 'tester', token_id: expect.stringMatching(/./) }
const isoOf = (ms: number): string => new Date(ms).toISOString()

it('whoever runs a schedule is in the audit log, once a key', async () => {
  const target = await store.put({ rule: '0 0 1 1 *' })
  const request = { schedule: { id: target }, idempotencyKey: 'once' }
  const { occurrence } = await store.schedules.runSchedule(request)
  await store.schedules.runSchedule(request)
  expect(await deeds()).toEqual([
    { ...byTester, action: 'schedule.run', target, detail: { occurrence: occurrence?.id } },
  ])
})

it('whoever backfills is in the audit log, with how many there were, if there were any', async () => {
  const target = await store.put({ rule: '* * * * *' })
  const toMs = Math.floor(Date.now() / minuteMs) * minuteMs - 10 * minuteMs
  const fromMs = toMs - 3 * minuteMs
  const span = { fromTime: timestampFromMs(fromMs), toTime: timestampFromMs(toMs) }
  const backfill = () => store.schedules.backfillSchedule({ schedule: { id: target }, ...span })
  expect((await backfill()).count).toBe(3)
  const detail = { from: isoOf(fromMs), to: isoOf(toMs), includeCompleted: false, count: 3 }
  const expected = [{ ...byTester, action: 'schedule.backfill', target, detail }]
  expect(await deeds()).toEqual(expected)
  // They are under way, or completed.
  expect((await backfill()).count).toBe(0)
  expect(await deeds()).toEqual(expected)
})

it('whoever cancels or moves an occurrence is in the audit log; who was refused is not', async () => {
  const target = await store.put({ rule: '0 0 * * *' })
  const dayMs = 1_440 * minuteMs
  const firstMs = (Math.floor(Date.now() / dayMs) + 2) * dayMs
  const schedule = { id: target }
  const [first, second] = [timestampFromMs(firstMs), timestampFromMs(firstMs + dayMs)]
  const cancelled = await store.occurrences.cancelOccurrence({ schedule, nominalTime: first })
  const dueTime = timestampFromMs(firstMs + dayMs + minuteMs)
  const moved = await store.occurrences.moveOccurrence({ schedule, nominalTime: second, dueTime })
  await expect(store.occurrences.cancelOccurrence({ schedule, nominalTime: first })).rejects.toThrow(/over/)
  const detailOf = (id: string | undefined, ms: number) => ({ occurrence: id, nominalTime: isoOf(ms) })
  expect(await deeds()).toEqual([
    { ...byTester, action: 'occurrence.cancel', target, detail: detailOf(cancelled.occurrence?.id, firstMs) },
    {
      ...byTester,
      action: 'occurrence.move',
      target,
      detail: {
        ...detailOf(moved.occurrence?.id, firstMs + dayMs),
        dueTime: isoOf(firstMs + dayMs + minuteMs),
      },
    },
  ])
})
