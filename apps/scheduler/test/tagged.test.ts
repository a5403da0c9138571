import { createClient } from '@connectrpc/connect'
import { AccessLevel, ScheduleService, ScheduleState } from '@qcore/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Service } from '@qcore/service'
import { emitTick, startStore, type TestStore } from './_store.ts'

const yearly = '0 0 1 1 *'

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

async function statesOf(ids: readonly string[]): Promise<ScheduleState[]> {
  return Promise.all(ids.map(async (id) => (await store.read(id)).state))
}

const { ACTIVE, PAUSED } = ScheduleState

it('schedules are paused and resumed by their tags, in one revision', async () => {
  const a = await store.put({ rule: yearly, tags: ['nightly', 'eu'] })
  const b = await store.put({ rule: yearly, tags: ['nightly'] })
  const c = await store.put({ rule: yearly, tags: ['eu'] })
  const paused = await store.schedules.pauseSchedules({ tags: ['nightly', 'x'] })
  expect(paused.count).toBe(2)
  expect(await statesOf([a, b, c])).toEqual([PAUSED, PAUSED, ACTIVE])
  expect(await Promise.all([a, b].map(async (id) => (await store.read(id)).revision))).toEqual([
    paused.revision,
    paused.revision,
  ])
  expect(await store.schedules.pauseSchedules({ tags: ['nightly'] })).toMatchObject({ count: 0, revision: 0n })
  expect((await store.schedules.resumeSchedules({ tags: ['nightly', 'eu'], matchAllTags: true })).count).toBe(1)
  expect(await statesOf([a, b, c])).toEqual([ACTIVE, PAUSED, ACTIVE])
  expect((await store.schedules.resumeSchedules({ tags: ['nightly'], namespace: 'other' })).count).toBe(0)
  expect((await store.schedules.resumeSchedules({ tags: ['nightly'], namespace: 'demo' })).count).toBe(1)
  expect(await statesOf([a, b, c])).toEqual([ACTIVE, ACTIVE, ACTIVE])
})

it('more of them than a commit takes are paused all the same, and disabled ones resumed', async () => {
  const value = { namespace: 'demo', rule: yearly, tags: ['many'], action: emitTick }
  for (let made = 0; made < 600; made += 200) {
    const mutations = Array.from({ length: 200 }, () => ({ kind: { case: 'putSchedule' as const, value } }))
    await store.commits.commit({ mutations })
  }
  expect((await store.schedules.pauseSchedules({ tags: ['many'] })).count).toBe(600)
  expect((await store.schedules.resumeSchedules({ tags: ['many'] })).count).toBe(600)
  const text = `update schedule set disabled_reason = 'gone', plan_us = null where id in
    (select id from schedule where tags ? 'many' limit 2)`
  await store.pool.query(text)
  expect((await store.schedules.resumeSchedules({ tags: ['many'] })).count).toBe(2)
})

it('a token changes the schedules of its own namespaces only, and needs level write', async () => {
  const id = await store.put({ rule: yearly, tags: ['mine'] })
  const limited = createClient(ScheduleService, await store.transportOf(AccessLevel.WRITE, ['namespace:other']))
  expect((await limited.pauseSchedules({ tags: ['mine'] })).count).toBe(0)
  const reader = createClient(ScheduleService, await store.transportOf(AccessLevel.READ))
  await expect(reader.pauseSchedules({ tags: ['mine'] })).rejects.toThrow(/level/)
  await expect(store.schedules.pauseSchedules({ tags: [] })).rejects.toThrow(/tags/)
  expect(await statesOf([id])).toEqual([ACTIVE])
})

it('a token that is limited to tags changes the schedules that it sees, and no others', async () => {
  const seen = await store.put({ rule: yearly, tags: ['user:ada', 'shared'] })
  const hidden = await store.put({ rule: yearly, tags: ['user:eve', 'shared'] })
  const limited = createClient(ScheduleService, await store.transportOf(AccessLevel.WRITE, ['tag:user:ada']))
  expect((await limited.pauseSchedules({ tags: ['shared'] })).count).toBe(1)
  expect(await statesOf([seen, hidden])).toEqual([PAUSED, ACTIVE])
  expect((await store.schedules.pauseSchedules({ tags: ['shared'] })).count).toBe(1)
  expect((await limited.resumeSchedules({ tags: ['shared'] })).count).toBe(1)
  expect(await statesOf([seen, hidden])).toEqual([ACTIVE, PAUSED])
})
