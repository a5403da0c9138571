import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { dayUs, hourUs, mutationOf, put, startScheduleWriter, type ScheduleWriter } from './_schedules.ts'

let writer: ScheduleWriter

beforeAll(async () => {
  writer = await startScheduleWriter()
})

afterAll(() => writer[Symbol.asyncDispose]())

describe('a schedule that is paused', () => {
  it('skips what was pending in that revision, and goes on with it when it is resumed in time', async () => {
    const id = await writer.putNew({ name: 'paused' })
    const [planned] = await writer.occurrencesOf(id)
    const { results } = await writer.commit(mutationOf('pauseSchedule', { namespace: 'demo', name: 'paused' }))
    expect(results[0]).toMatchObject({ scheduleId: id, changed: true })
    expect(await writer.occurrencesOf(id)).toMatchObject([{ state: 6, reason: 'paused' }])
    expect(await writer.scheduleRow(id)).toMatchObject({ state: 2, plan_us: null })
    expect((await writer.commit(mutationOf('pauseSchedule', { id }))).results[0]?.changed).toBe(false)
    const resumed = await writer.commit(mutationOf('resumeSchedule', { id }))
    expect(resumed.results[0]?.changed).toBe(true)
    const expected = { ...planned, state: 1, reason: '', schedule_revision: Number(resumed.revision) }
    expect(await writer.occurrencesOf(id)).toEqual([expected])
    expect((await writer.commit(mutationOf('resumeSchedule', { id }))).results[0]?.changed).toBe(false)
  })

  it('goes on with what was moved, at its new time, unless that passed meanwhile', async () => {
    const id = await writer.putNew({})
    await writer.pool.query(
      'update occurrence set due_us = due_us + 3600000000, wake_us = wake_us + 3600000000 where schedule_id = $1',
      [id],
    )
    await writer.addMoved(id, { nominalUs: -hourUs, dueUs: hourUs })
    await writer.addMoved(id, { nominalUs: 2 * dayUs, dueUs: -1 })
    const before = await writer.occurrencesOf(id)
    await writer.commit(mutationOf('pauseSchedule', { id }))
    await writer.commit(put({ id, title: 'still paused' }))
    const skipped = before.map((row) => ({ ...row, state: 6, reason: 'paused' }))
    expect(await writer.occurrencesOf(id)).toEqual(skipped)
    const { revision } = await writer.commit(mutationOf('resumeSchedule', { id }))
    const revived = before.map((row) => ({ ...row, schedule_revision: Number(revision) }))
    expect(await writer.occurrencesOf(id)).toEqual([...revived.slice(0, 2), skipped[2]])
    const { rows } = await writer.pool.query(
      'select from occurrence where schedule_id = $1 and state = 1 and wake_us = due_us and ended_us is null',
      [id],
    )
    expect(rows).toHaveLength(2)
  })

  it('does not go on with what was moved of a rule that it has no more', async () => {
    const id = await writer.putNew({})
    await writer.pool.query('update occurrence set due_us = due_us + 1 where schedule_id = $1', [id])
    await writer.commit(mutationOf('pauseSchedule', { id }))
    await writer.commit(put({ id, rule: '0 12 * * *' }))
    await writer.commit(mutationOf('resumeSchedule', { id }))
    const states = (await writer.occurrencesOf(id)).map(({ state, reason }) => `${state} ${reason}`)
    expect(states.sort()).toEqual(['1 ', '6 paused'])
  })

  it('stays paused when it is put without a word about it', async () => {
    const id = await writer.putNew({ name: 'asleep', paused: true })
    expect(await writer.occurrencesOf(id)).toEqual([])
    await writer.commit(put({ name: 'asleep', title: 'still' }))
    expect(await writer.scheduleRow(id)).toMatchObject({ state: 2 })
    await writer.commit(put({ name: 'asleep', paused: false }))
    expect(await writer.scheduleRow(id)).toMatchObject({ state: 1 })
    expect(await writer.occurrencesOf(id)).toMatchObject([{ state: 1 }])
  })

  it.each([
    ['a day', { rule: '0 0 * * *' }, 0],
    ['a time that is over', { rule: '2020-01-01T00:00:00Z' }, Date.UTC(2020, 0, 1) * 1_000],
  ])('from the beginning accounts for every occurrence from then on: %s', async (_, schedule, first) => {
    const id = await writer.putNew({ ...schedule, paused: true })
    const { planned_us: planned, created_us: created } = await writer.scheduleRow(id)
    expect(planned).toBe(first === 0 ? created : first - 1)
  })

  it('goes on from its start when it is put again, not from the time of the put', async () => {
    const id = await writer.putNew({ name: 'started', rule: 'FREQ=DAILY;INTERVAL=2', paused: true })
    await writer.pool.query(
      `update schedule set rule_spec = jsonb_set(rule_spec::jsonb, '{start}', '"2026-01-01T03:00:00Z"') where id = $1`,
      [id],
    )
    await writer.commit(put({ name: 'started', rule: 'FREQ=DAILY;INTERVAL=2', paused: false }))
    const [first] = await writer.occurrencesOf(id)
    expect((first?.nominal_us ?? 0) % dayUs).toBe(dayUs / 8)
  })

  it('and resumed in one commit fires as before', async () => {
    const id = await writer.putNew({})
    const before = await writer.occurrencesOf(id)
    await writer.commit(mutationOf('pauseSchedule', { id }), mutationOf('resumeSchedule', { id }))
    expect(await writer.occurrencesOf(id)).toMatchObject(
      before.map(({ nominal_us }) => ({ nominal_us, state: 1, reason: '' })),
    )
  })

  it('and resumed in one commit goes on with what was moved', async () => {
    const id = await writer.putNew({})
    await writer.addMoved(id, { nominalUs: -hourUs, dueUs: hourUs })
    const before = await writer.occurrencesOf(id)
    await writer.commit(mutationOf('pauseSchedule', { id }), mutationOf('resumeSchedule', { id }))
    expect(await writer.occurrencesOf(id)).toEqual(before)
  })

  it.each([
    ['by name', false, (id: string) => mutationOf('pauseSchedule', { id })],
    ['by a put', false, (id: string) => put({ id, paused: true })],
    ['when it was paused before', true, (id: string) => mutationOf('pauseSchedule', { id })],
  ])('again in the commit that resumed it goes on with what was moved later: %s', async (_, isPaused, pause) => {
    const id = await writer.putNew({})
    await writer.addMoved(id, { nominalUs: -hourUs, dueUs: hourUs })
    const before = await writer.occurrencesOf(id)
    if (isPaused) await writer.commit(mutationOf('pauseSchedule', { id }))
    await writer.commit(...(isPaused ? [] : [pause(id)]), mutationOf('resumeSchedule', { id }), pause(id))
    expect(await writer.occurrencesOf(id)).toEqual(before.map((row) => ({ ...row, state: 6, reason: 'paused' })))
    const { revision } = await writer.commit(mutationOf('resumeSchedule', { id }))
    const revived = before.map((row) => ({ ...row, schedule_revision: Number(revision) }))
    expect(await writer.occurrencesOf(id)).toEqual(revived)
  })

  it('and resumed in one commit after its rule was changed has nothing of the former rule', async () => {
    const id = await writer.putNew({})
    const [before] = await writer.occurrencesOf(id)
    await writer.commit(
      put({ id, rule: '0 12 * * *' }),
      mutationOf('pauseSchedule', { id }),
      mutationOf('resumeSchedule', { id }),
    )
    const rows = await writer.occurrencesOf(id)
    expect(rows).toHaveLength(2)
    const former = rows.find(({ nominal_us }) => nominal_us === before?.nominal_us)
    expect(former).toMatchObject({ state: 8, reason: 'changed' })
  })
})

describe('a schedule that the schedulers disable', () => {
  const disable = `
    update schedule set disabled_reason = 'gone', plan_us = null where id = $1 and disabled_reason = ''`

  it('while it is put stays disabled, and is enabled by the next put', async () => {
    const id = await writer.putNew({ name: 'disabled' })
    const { plan_us: planUs } = await writer.scheduleRow(id)
    const disabling = await writer.pool.connect()
    try {
      await disabling.query('begin')
      await disabling.query(disable, [id])
      const { rows: own } = await disabling.query<{ pid: number }>('select pg_backend_pid() as pid')
      const putting = writer.commit(put({ name: 'disabled', title: 'meanwhile' }))
      await vi.waitFor(
        async () => {
          const waiting = 'select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))'
          expect((await writer.pool.query(waiting, [own[0]?.pid])).rows).not.toEqual([])
        },
        { timeout: 10_000 },
      )
      await disabling.query('commit')
      await putting
    } finally {
      disabling.release()
    }
    expect(await writer.scheduleRow(id)).toMatchObject({ disabled_reason: 'gone', plan_us: null })
    await writer.commit(put({ name: 'disabled', title: 'again' }))
    expect(await writer.scheduleRow(id)).toMatchObject({ disabled_reason: '', plan_us: planUs })
  })
})
