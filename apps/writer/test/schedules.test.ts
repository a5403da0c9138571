import { randomUUID } from 'node:crypto'
import { fromBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { SecretBox } from '@qcore/access'
import { PutMode, PutScheduleSchema } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayUs, mutationOf, put, startScheduleWriter, type PutInit, type ScheduleWriter } from './_schedules.ts'
import { authSecret, createEntity, expectProblem } from './_writer-client.ts'

let writer: ScheduleWriter

beforeAll(async () => {
  writer = await startScheduleWriter()
})

afterAll(() => writer[Symbol.asyncDispose]())

describe('a schedule', () => {
  it('is made with its first occurrence, in one revision of the log', async () => {
    const { results, revision, commitTime } = await writer.commit(put({ name: 'nightly' }))
    const id = results[0]?.scheduleId ?? ''
    const nowUs = Number(commitTime?.seconds) * 1_000_000
    const [first, ...others] = await writer.occurrencesOf(id)
    expect(others).toEqual([])
    expect(first).toMatchObject({ state: 1, reason: '', schedule_revision: Number(revision) })
    expect(first?.nominal_us).toBe((Math.floor(nowUs / dayUs) + 1) * dayUs)
    expect(await writer.scheduleRow(id)).toMatchObject({
      revision: Number(revision),
      state: 1,
      namespace: 'demo',
      writer: 'tester',
    })
    expect((await writer.log()).at(-1)?.changes.map(({ kind }) => kind)).toMatchObject([
      { case: 'scheduleChanged', value: { scheduleId: id, namespace: 'demo', name: 'nightly', change: 0 } },
    ])
  })

  it('of a namespace and name is replaced, and keeps its id', async () => {
    const id = await writer.putNew({ name: 'cleanup', rule: '*/5 * * * *' })
    const [before] = await writer.occurrencesOf(id)
    const { results, revision } = await writer.commit(put({ name: 'cleanup', rule: '0 0 1 1 *' }))
    expect(results[0]).toMatchObject({ scheduleId: id, changed: true })
    expect(await writer.occurrencesOf(id)).toMatchObject([
      { nominal_us: before?.nominal_us, state: 8, reason: 'changed' },
      { state: 1, schedule_revision: Number(revision) },
    ])
  })

  it('that is put as it is makes no revision, and one whose action changes keeps its occurrences', async () => {
    const id = await writer.putNew({ name: 'same' })
    const again = await writer.commit(put({ name: 'same' }))
    expect(again.results[0]).toMatchObject({ scheduleId: id, changed: false })
    expect(again.commitTime).toBeUndefined()
    const before = await writer.occurrencesOf(id)
    const titled = await writer.commit(put({ name: 'same', title: 'Every night' }))
    expect(titled.results[0]?.changed).toBe(true)
    expect(await writer.occurrencesOf(id)).toEqual(before)
  })

  it('with a rule that needs a start begins with its commit, and goes on when it is put again', async () => {
    const id = await writer.putNew({ name: 'fortnightly', rule: 'FREQ=DAILY;INTERVAL=14' })
    const { rule_spec: spec } = await writer.scheduleRow(id)
    await writer.commit(put({ name: 'fortnightly', rule: 'FREQ=DAILY;INTERVAL=14', description: 'new' }))
    expect((await writer.scheduleRow(id))['rule_spec']).toBe(spec)
  })

  it('goes on when the start that it was given is put with it', async () => {
    const id = await writer.putNew({ name: 'weekly', rule: 'FREQ=WEEKLY' })
    const before = await writer.occurrencesOf(id)
    const { start } = JSON.parse(String((await writer.scheduleRow(id))['rule_spec'])) as { start: string }
    const startTime = timestampFromMs(Date.parse(start))
    await writer.commit(put({ name: 'weekly', rule: 'FREQ=WEEKLY', startTime }))
    expect(await writer.occurrencesOf(id)).toEqual(before)
    const later = timestampFromMs(Date.parse(start) + (8 * dayUs) / 1_000)
    await writer.commit(put({ name: 'weekly', rule: 'FREQ=WEEKLY', startTime: later }))
    expect(await writer.occurrencesOf(id)).toMatchObject([{ state: 8, reason: 'changed' }, { state: 1 }])
  })

  it.each([
    ['', 'DTSTART;TZID=Europe/Paris:20300601T090000\nRRULE:FREQ=DAILY'],
    ['Europe/Paris', 'DTSTART:20300601T070000Z\nRRULE:FREQ=DAILY'],
    ['Europe/Paris', '{"rrule": "FREQ=DAILY", "start": "2030-06-01T09:00:00"}'],
  ])('has one start, whether or not it is given beside the rule: %s %s', async (timezone, rule) => {
    const name = randomUUID()
    const id = await writer.putNew({ name, rule, timezone })
    const { plan_revision: planned } = await writer.scheduleRow(id)
    const startTime = timestampFromMs(Date.UTC(2030, 5, 1, 7))
    await writer.commit(put({ name, rule, timezone, startTime }))
    expect(await writer.scheduleRow(id)).toMatchObject({ plan_revision: planned })
  })

  it('of one time that has passed has its occurrence all the same', async () => {
    const id = await writer.putNew({ rule: '2020-01-01T00:00:00Z' })
    expect(await writer.occurrencesOf(id)).toMatchObject([{ nominal_us: Date.parse('2020-01-01') * 1_000, state: 1 }])
  })

  it('without any occurrence left has none', async () => {
    const id = await writer.putNew({ rule: '{"cron": "0 0 * * *", "end": "2020-01-01"}' })
    expect(await writer.occurrencesOf(id)).toEqual([])
    expect(await writer.scheduleRow(id)).toMatchObject({ plan_us: null })
  })

  it('puts occurrences off by its jitter, by which they are not named', async () => {
    const id = await writer.putNew({ rule: '{"cron": "0 0 * * *", "jitter": "PT1H"}' })
    const [first] = await writer.occurrencesOf(id)
    expect(first?.nominal_us).toSatisfy((us: number) => us % dayUs === 0)
    expect(first?.due_us).toBeGreaterThan(first?.nominal_us ?? 0)
    expect(first?.due_us).toBeLessThanOrEqual((first?.nominal_us ?? 0) + dayUs / 24)
  })

  it('is one with what else its commit does: a commit that fails leaves nothing', async () => {
    const name = randomUUID()
    const failing = createEntity('NoSuchType', writer.root, 'x')
    await expectProblem(writer.commit(put({ name }), failing), 'unknown_type')
    const { rows } = await writer.pool.query('select from schedule where name = $1', [name])
    expect(rows).toEqual([])
    const { revision } = await writer.commit(put({ name }), createEntity('Machine', writer.root, name))
    expect((await writer.log()).at(-1)?.revision).toBe(revision)
  })

  it('with an idempotency key is made once, and the answer names it again', async () => {
    const request = { mutations: [put({ title: 'once' })], idempotencyKey: randomUUID() }
    const first = await writer.commits.commit(request)
    const second = await writer.commits.commit(request)
    expect(second.results[0]?.scheduleId).toBe(first.results[0]?.scheduleId)
    await writer.restart()
    const third = await writer.commits.commit(request)
    expect(third.results[0]?.scheduleId).toBe(first.results[0]?.scheduleId)
  })
})

describe('a schedule that is deleted', () => {
  it('cancels what was pending in that revision, keeps what it did, and leaves its name free', async () => {
    const id = await writer.putNew({ name: 'gone' })
    await writer.commit(mutationOf('deleteSchedule', { id }))
    expect(await writer.occurrencesOf(id)).toMatchObject([{ state: 8, reason: 'deleted' }])
    await expectProblem(
      writer.commit(mutationOf('deleteSchedule', { id })),
      'unknown_schedule',
      'mutations[0].delete_schedule.schedule',
    )
    await expectProblem(writer.commit(put({ id, name: 'gone' })), 'schedule_exists', 'mutations[0].put_schedule.id')
    expect(await writer.putNew({ name: 'gone' })).not.toBe(id)
  })

  it('can be made anew under its name in the same commit', async () => {
    const id = await writer.putNew({ name: 'renewed' })
    const { results } = await writer.commit(mutationOf('deleteSchedule', { id }), put({ name: 'renewed' }))
    expect(results[1]?.scheduleId).not.toBe(id)
    await expectProblem(writer.commit(put({ name: 'renewed', mode: PutMode.CREATE })), 'schedule_exists')
  })
})

describe('the secret of a webhook', () => {
  const webhook = (value: object): PutInit['action'] => ({
    kind: { case: 'webhook', value: { url: 'https://example.com/hook', ...value } },
  })

  it('that was sealed under another secret of the deployment is kept as it is, and can be replaced', async () => {
    const id = await writer.putNew({ name: 'sealed', action: webhook({ secret: 'first' }) })
    const sealed = new SecretBox('a-former-secret-of-the-deployment-0123456789').seal(id, 'first')
    await writer.pool.query('update schedule set secret = $2 where id = $1', [id, sealed])
    await writer.commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({}) }))
    expect(await writer.scheduleRow(id)).toMatchObject({ disabled_reason: '', secret: sealed })
    expect(
      (await writer.commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({}) }))).results[0]?.changed,
    ).toBe(false)
    await writer.commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({ secret: 'first' }) }))
    const row = await writer.scheduleRow(id)
    expect(new SecretBox(authSecret).open(id, row['secret'] as Buffer)).toBe('first')
  })

  it('is encrypted, in no log, and kept by a put that does not name it', async () => {
    const secret = 'top-secret-of-a-receiver'
    const id = await writer.putNew({ name: 'hook', action: webhook({ secret }) })
    const row = await writer.scheduleRow(id)
    expect((row['secret'] as Buffer).includes(secret)).toBe(false)
    expect((row['definition'] as Buffer).includes(secret)).toBe(false)
    const kept = fromBinary(PutScheduleSchema, row['definition'] as Buffer)
    expect(kept.action?.kind).toMatchObject({ case: 'webhook', value: { hasSecret: true } })
    const { rows } = await writer.pool.query<{ record: Buffer }>('select record from log')
    expect(rows.some(({ record }) => record.includes(secret))).toBe(false)
    expect((await writer.commit(put({ name: 'hook', action: webhook({ secret }) }))).results[0]?.changed).toBe(false)
    expect((await writer.commit(put({ name: 'hook', action: webhook({}) }))).results[0]?.changed).toBe(false)
    await writer.commit(put({ name: 'hook', action: webhook({ secret: '' }) }))
    expect((await writer.scheduleRow(id))['secret']).toBeNull()
  })
})
