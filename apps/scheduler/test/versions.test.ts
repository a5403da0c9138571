import { connect, type Client, type ScheduleVersion } from '@qcore/client'
import { AccessLevel } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let scheduler: Service
let q: Client

beforeAll(async () => {
  store = await startStore()
  scheduler = await store.startScheduler()
  q = await connect({ transport: await store.transportOf(AccessLevel.WRITE) })
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function collect(versions: AsyncIterable<ScheduleVersion>): Promise<ScheduleVersion[]> {
  const found: ScheduleVersion[] = []
  for await (const version of versions) found.push(version)
  return found
}

const action = { emit: { type: 'tick' } } as const

it('every version of a schedule is kept, with what was done, when and by whom', async () => {
  const { id, revision: first } = await q.schedules.put({ namespace: 'demo', name: 'kept', rule: '@daily', action })
  await q.schedules.put({ namespace: 'demo', name: 'kept', rule: '@daily', action })
  const { revision: second } = await q.schedules.put({ namespace: 'demo', name: 'kept', rule: '0 7 * * *', action })
  const { revision: third } = await q.schedules.pause(id)
  await q.schedules.resume(id)
  const { revision: last } = await q.schedules.delete(id)
  const versions = await collect(q.schedules.versions(id))
  expect(versions).toMatchObject([
    { change: 'deleted', schedule: { rule: '0 7 * * *', revision: last, state: 'deleted', writer: 'tester' } },
    { change: 'resumed', schedule: { rule: '0 7 * * *', state: 'active' } },
    { change: 'paused', schedule: { rule: '0 7 * * *', revision: third, state: 'paused' } },
    { change: 'put', schedule: { rule: '0 7 * * *', revision: second, state: 'active', id, name: 'kept' } },
    { change: 'put', schedule: { rule: '@daily', revision: first, state: 'active' } },
  ])
  const times = versions.map(({ schedule }) => schedule.updatedAt.micros)
  expect(times).toEqual(times.toSorted((a, b) => Number(b - a)))
})

it('steps of one commit are versions of their own, in order', async () => {
  const { results } = await q.commit({
    mutations: [
      { kind: 'put_schedule', schedule: { namespace: 'demo', name: 'steps', rule: '@daily', action } },
      { kind: 'pause_schedule', schedule: { namespace: 'demo', name: 'steps' } },
    ],
    conditions: [],
  })
  const versions = await collect(q.schedules.versions(results[0]?.scheduleId ?? ''))
  expect(versions.map(({ change, schedule }) => [change, schedule.state])).toEqual([
    ['paused', 'paused'],
    ['put', 'active'],
  ])
})

it('versions come in pages', async () => {
  const { id } = await q.schedules.put({ namespace: 'demo', name: 'pages', rule: '0 0 * * *', action })
  for (let hour = 1; hour < 5; hour++) {
    await q.schedules.put({ namespace: 'demo', name: 'pages', rule: `0 ${hour} * * *`, action })
  }
  const rules: string[] = []
  for (let cursor = ''; ;) {
    const page = await store.schedules.listScheduleVersions({ schedule: { id }, limit: 2, cursor })
    expect(page.versions.length).toBeLessThanOrEqual(2)
    rules.push(...page.versions.map(({ schedule }) => schedule?.rule ?? ''))
    cursor = page.nextCursor
    if (cursor === '') break
  }
  expect(rules).toEqual(['0 4 * * *', '0 3 * * *', '0 2 * * *', '0 1 * * *', '0 0 * * *'])
})

it('versions are hidden from a token that leaves the namespace out', async () => {
  const { id } = await q.schedules.put({ namespace: 'demo', name: 'hidden', rule: '@daily', action })
  await using other = await connect({ transport: await store.transportOf(AccessLevel.WRITE, ['namespace:elsewhere']) })
  await expect(collect(other.schedules.versions(id))).rejects.toMatchObject({ code: 'unknown_schedule' })
})
