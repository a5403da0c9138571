import { randomUUID } from 'node:crypto'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { AccessLevel, OccurrenceService, ScheduleService } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf } from './_problem.ts'
import { emitTick, startStore, type PutInit, type TestStore } from './_store.ts'

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

describe('a token that is limited', () => {
  it.each(['namespace:elsewhere', 'tag:elsewhere'])('by %s sees, runs and changes no other schedule', async (scope) => {
    const tag = randomUUID()
    const id = await store.put({ rule: '0 0 1 1 *', tags: [tag] })
    const { occurrence } = await store.schedules.runSchedule({ schedule: { id } })
    const transport = await store.transportOf(AccessLevel.WRITE, [scope])
    const schedules = createClient(ScheduleService, transport)
    const occurrences = createClient(OccurrenceService, transport)
    const schedule = { id }
    const nominalTime = timestampFromMs(Date.now() + 100_000)
    for (const call of [
      () => schedules.getSchedule({ schedule }),
      () => schedules.runSchedule({ schedule }),
      () => schedules.previewSchedule({ schedule }),
      () => schedules.backfillSchedule({ schedule, fromTime: timestampFromMs(0), toTime: timestampFromMs(1) }),
      () => schedules.pauseSchedule({ schedule: { schedule } }),
      () => schedules.resumeSchedule({ schedule: { schedule } }),
      () => schedules.deleteSchedule({ schedule: { schedule } }),
      () => occurrences.listOccurrences({ schedule }),
      () => occurrences.explainOccurrence({ schedule, nominalTime }),
      () => occurrences.cancelOccurrence({ schedule, nominalTime }),
      () => occurrences.moveOccurrence({ schedule, nominalTime, dueTime: nominalTime }),
    ]) {
      expect((await problemOf(call())).code).toBe('unknown_schedule')
    }
    const hidden = occurrences.getOccurrence({ occurrenceId: occurrence?.id ?? '' })
    expect((await problemOf(hidden)).code).toBe('unknown_occurrence')
    expect((await schedules.listSchedules({ tags: [tag] })).schedules).toEqual([])
    expect((await occurrences.listOccurrences({ tags: [tag] })).occurrences).toEqual([])
    const own = await store.transportOf(AccessLevel.READ, ['namespace:demo', `tag:${tag}`])
    expect((await createClient(ScheduleService, own).listSchedules({})).schedules).toHaveLength(1)
    expect((await createClient(OccurrenceService, own).listOccurrences({})).occurrences).not.toEqual([])
  })

  it('by a tag puts schedules that have it, and keeps seeing what it puts', async () => {
    const mine = createClient(ScheduleService, await store.transportOf(AccessLevel.WRITE, ['tag:mine']))
    const foreign = await store.put({ rule: '0 0 1 1 *', tags: ['theirs'] })
    const put = (schedule: Partial<PutInit>) =>
      mine.putSchedule({ schedule: { namespace: 'demo', rule: '0 0 1 1 *', action: emitTick, ...schedule } })
    const { scheduleId: id } = await put({ tags: ['mine', 'other'] })
    expect((await mine.getSchedule({ schedule: { id } })).schedule?.tags).toEqual(['mine', 'other'])
    const refused = (field: string) => ({ code: 'permission_denied', field })
    expect(await problemOf(put({}))).toEqual(refused('schedule.tags'))
    expect(await problemOf(put({ id, tags: ['other'] }))).toEqual(refused('schedule.tags'))
    expect(await problemOf(put({ id: foreign, tags: ['mine'] }))).toEqual(refused('schedule.id'))
    await mine.deleteSchedule({ schedule: { schedule: { id } } })
  })
})
