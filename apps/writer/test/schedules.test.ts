import { randomUUID } from 'node:crypto'
import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { mintToken, SecretBox } from '@qcore/access'
import {
  AccessLevel,
  MutationSchema,
  NamespaceService,
  PutMode,
  PutScheduleSchema,
  type CommitResponse,
  type Mutation,
  type PutSchedule,
  type ScheduleKeySchema,
} from '@qcore/contracts'
import { createNatsTransport } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { authSecret, createEntity, expectProblem } from './_writer-client.ts'

type PutInit = Exclude<MessageInitShape<typeof PutScheduleSchema>, PutSchedule>
type KeyInit = MessageInitShape<typeof ScheduleKeySchema>

let writer: RunningWriter

beforeAll(async () => {
  writer = await startWriter()
  const claims = { subject: 'ada', level: AccessLevel.WRITE, scopes: [], lifetimeSeconds: 600 }
  const { token } = await mintToken(authSecret, claims)
  const transport = createNatsTransport({
    connection: writer.connection,
    store: writer.store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  await createClient(NamespaceService, transport).registerNamespace({ name: 'demo' })
})

afterAll(() => writer[Symbol.asyncDispose]())

const emit: PutInit['action'] = { kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'tick' } } }

function put(schedule: Partial<PutInit>): Mutation {
  const init: PutInit = { namespace: 'demo', rule: '0 0 * * *', action: emit, ...schedule }
  const value = create(PutScheduleSchema, init)
  return create(MutationSchema, { kind: { case: 'putSchedule', value } })
}

function mutationOf(name: 'deleteSchedule' | 'pauseSchedule' | 'resumeSchedule', schedule: KeyInit): Mutation {
  return create(MutationSchema, { kind: { case: name, value: { schedule } } })
}

async function commit(...mutations: Mutation[]): Promise<CommitResponse> {
  return writer.commits.commit({ mutations })
}

async function putNew(schedule: Partial<PutInit>): Promise<string> {
  const { results } = await commit(put(schedule))
  return results[0]?.scheduleId ?? ''
}

interface Row {
  nominal_us: number
  due_us: number
  state: number
  reason: string
  schedule_revision: number
}

async function occurrencesOf(id: string): Promise<Row[]> {
  const { rows } = await writer.pool.query<Row>(
    'select nominal_us, due_us, state, reason, schedule_revision from occurrence where schedule_id = $1 order by 1',
    [id],
  )
  return rows
}

async function scheduleRow(id: string): Promise<Record<string, unknown>> {
  const { rows } = await writer.pool.query<Record<string, unknown>>('select * from schedule where id = $1', [id])
  return rows[0] ?? {}
}

const dayUs = 86_400_000_000
const hourUs = dayUs / 24

/** Adds an occurrence that was moved; both times are counted from now. */
async function addMoved(id: string, { nominalUs, dueUs }: { nominalUs: number; dueUs: number }): Promise<void> {
  const text = `
    insert into occurrence (
      id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
    select $2, id, now_us + $3, now_us + $3, now_us + $4, now_us + $4, 1, 1, revision, now_us
    from schedule, (select (extract(epoch from now()) * 1000000)::bigint as now_us) as present where id = $1`
  await writer.pool.query(text, [id, randomUUID(), nominalUs, dueUs])
}

describe('a schedule', () => {
  it('is made with its first occurrence, in one revision of the log', async () => {
    const { results, revision, commitTime } = await commit(put({ name: 'nightly' }))
    const id = results[0]?.scheduleId ?? ''
    const nowUs = Number(commitTime?.seconds) * 1_000_000
    const [first, ...others] = await occurrencesOf(id)
    expect(others).toEqual([])
    expect(first).toMatchObject({ state: 1, reason: '', schedule_revision: Number(revision) })
    expect(first?.nominal_us).toBe((Math.floor(nowUs / dayUs) + 1) * dayUs)
    expect(await scheduleRow(id)).toMatchObject({
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
    const id = await putNew({ name: 'cleanup', rule: '*/5 * * * *' })
    const [before] = await occurrencesOf(id)
    const { results, revision } = await commit(put({ name: 'cleanup', rule: '0 0 1 1 *' }))
    expect(results[0]).toMatchObject({ scheduleId: id, changed: true })
    expect(await occurrencesOf(id)).toMatchObject([
      { nominal_us: before?.nominal_us, state: 8, reason: 'changed' },
      { state: 1, schedule_revision: Number(revision) },
    ])
  })

  it('that is put as it is makes no revision, and one whose action changes keeps its occurrences', async () => {
    const id = await putNew({ name: 'same' })
    const again = await commit(put({ name: 'same' }))
    expect(again.results[0]).toMatchObject({ scheduleId: id, changed: false })
    expect(again.commitTime).toBeUndefined()
    const before = await occurrencesOf(id)
    const titled = await commit(put({ name: 'same', title: 'Every night' }))
    expect(titled.results[0]?.changed).toBe(true)
    expect(await occurrencesOf(id)).toEqual(before)
  })

  it('with a rule that needs a start begins with its commit, and goes on when it is put again', async () => {
    const id = await putNew({ name: 'fortnightly', rule: 'FREQ=DAILY;INTERVAL=14' })
    const { rule_spec: spec } = await scheduleRow(id)
    await commit(put({ name: 'fortnightly', rule: 'FREQ=DAILY;INTERVAL=14', description: 'new' }))
    expect((await scheduleRow(id))['rule_spec']).toBe(spec)
  })

  it('goes on when the start that it was given is put with it', async () => {
    const id = await putNew({ name: 'weekly', rule: 'FREQ=WEEKLY' })
    const before = await occurrencesOf(id)
    const { start } = JSON.parse(String((await scheduleRow(id))['rule_spec'])) as { start: string }
    const startTime = timestampFromMs(Date.parse(start))
    await commit(put({ name: 'weekly', rule: 'FREQ=WEEKLY', startTime }))
    expect(await occurrencesOf(id)).toEqual(before)
    const later = timestampFromMs(Date.parse(start) + (8 * dayUs) / 1_000)
    await commit(put({ name: 'weekly', rule: 'FREQ=WEEKLY', startTime: later }))
    expect(await occurrencesOf(id)).toMatchObject([{ state: 8, reason: 'changed' }, { state: 1 }])
  })

  it.each([
    ['', 'DTSTART;TZID=Europe/Paris:20300601T090000\nRRULE:FREQ=DAILY'],
    ['Europe/Paris', 'DTSTART:20300601T070000Z\nRRULE:FREQ=DAILY'],
    ['Europe/Paris', '{"rrule": "FREQ=DAILY", "start": "2030-06-01T09:00:00"}'],
  ])('has one start, whether or not it is given beside the rule: %s %s', async (timezone, rule) => {
    const name = randomUUID()
    const id = await putNew({ name, rule, timezone })
    const { plan_revision: planned } = await scheduleRow(id)
    const startTime = timestampFromMs(Date.UTC(2030, 5, 1, 7))
    await commit(put({ name, rule, timezone, startTime }))
    expect(await scheduleRow(id)).toMatchObject({ plan_revision: planned })
  })

  it('of one time that has passed has its occurrence all the same', async () => {
    const id = await putNew({ rule: '2020-01-01T00:00:00Z' })
    expect(await occurrencesOf(id)).toMatchObject([{ nominal_us: Date.parse('2020-01-01') * 1_000, state: 1 }])
  })

  it('without any occurrence left has none', async () => {
    const id = await putNew({ rule: '{"cron": "0 0 * * *", "end": "2020-01-01"}' })
    expect(await occurrencesOf(id)).toEqual([])
    expect(await scheduleRow(id)).toMatchObject({ plan_us: null })
  })

  it('puts occurrences off by its jitter, by which they are not named', async () => {
    const id = await putNew({ rule: '{"cron": "0 0 * * *", "jitter": "PT1H"}' })
    const [first] = await occurrencesOf(id)
    expect(first?.nominal_us).toSatisfy((us: number) => us % dayUs === 0)
    expect(first?.due_us).toBeGreaterThan(first?.nominal_us ?? 0)
    expect(first?.due_us).toBeLessThanOrEqual((first?.nominal_us ?? 0) + dayUs / 24)
  })

  it('is one with what else its commit does: a commit that fails leaves nothing', async () => {
    const name = randomUUID()
    const failing = createEntity('NoSuchType', writer.root, 'x')
    await expectProblem(commit(put({ name }), failing), 'unknown_type')
    const { rows } = await writer.pool.query('select from schedule where name = $1', [name])
    expect(rows).toEqual([])
    const { revision } = await commit(put({ name }), createEntity('Machine', writer.root, name))
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

describe('a schedule that is paused', () => {
  it('skips what was pending in that revision, and goes on with it when it is resumed in time', async () => {
    const id = await putNew({ name: 'paused' })
    const [planned] = await occurrencesOf(id)
    const { results } = await commit(mutationOf('pauseSchedule', { namespace: 'demo', name: 'paused' }))
    expect(results[0]).toMatchObject({ scheduleId: id, changed: true })
    expect(await occurrencesOf(id)).toMatchObject([{ state: 6, reason: 'paused' }])
    expect(await scheduleRow(id)).toMatchObject({ state: 2, plan_us: null })
    expect((await commit(mutationOf('pauseSchedule', { id }))).results[0]?.changed).toBe(false)
    const resumed = await commit(mutationOf('resumeSchedule', { id }))
    expect(resumed.results[0]?.changed).toBe(true)
    const expected = { ...planned, state: 1, reason: '', schedule_revision: Number(resumed.revision) }
    expect(await occurrencesOf(id)).toEqual([expected])
    expect((await commit(mutationOf('resumeSchedule', { id }))).results[0]?.changed).toBe(false)
  })

  it('goes on with what was moved, at its new time, unless that passed meanwhile', async () => {
    const id = await putNew({})
    await writer.pool.query(
      'update occurrence set due_us = due_us + 3600000000, wake_us = wake_us + 3600000000 where schedule_id = $1',
      [id],
    )
    await addMoved(id, { nominalUs: -hourUs, dueUs: hourUs })
    await addMoved(id, { nominalUs: 2 * dayUs, dueUs: -1 })
    const before = await occurrencesOf(id)
    await commit(mutationOf('pauseSchedule', { id }))
    await commit(put({ id, title: 'still paused' }))
    const skipped = before.map((row) => ({ ...row, state: 6, reason: 'paused' }))
    expect(await occurrencesOf(id)).toEqual(skipped)
    const { revision } = await commit(mutationOf('resumeSchedule', { id }))
    const revived = before.map((row) => ({ ...row, schedule_revision: Number(revision) }))
    expect(await occurrencesOf(id)).toEqual([...revived.slice(0, 2), skipped[2]])
    const { rows } = await writer.pool.query(
      'select from occurrence where schedule_id = $1 and state = 1 and wake_us = due_us and ended_us is null',
      [id],
    )
    expect(rows).toHaveLength(2)
  })

  it('does not go on with what was moved of a rule that it has no more', async () => {
    const id = await putNew({})
    await writer.pool.query('update occurrence set due_us = due_us + 1 where schedule_id = $1', [id])
    await commit(mutationOf('pauseSchedule', { id }))
    await commit(put({ id, rule: '0 12 * * *' }))
    await commit(mutationOf('resumeSchedule', { id }))
    const states = (await occurrencesOf(id)).map(({ state, reason }) => `${state} ${reason}`)
    expect(states.sort()).toEqual(['1 ', '6 paused'])
  })

  it('stays paused when it is put without a word about it', async () => {
    const id = await putNew({ name: 'asleep', paused: true })
    expect(await occurrencesOf(id)).toEqual([])
    await commit(put({ name: 'asleep', title: 'still' }))
    expect(await scheduleRow(id)).toMatchObject({ state: 2 })
    await commit(put({ name: 'asleep', paused: false }))
    expect(await scheduleRow(id)).toMatchObject({ state: 1 })
    expect(await occurrencesOf(id)).toMatchObject([{ state: 1 }])
  })

  it.each([
    ['a day', { rule: '0 0 * * *' }, 0],
    ['a time that is over', { rule: '2020-01-01T00:00:00Z' }, Date.UTC(2020, 0, 1) * 1_000],
  ])('from the beginning accounts for every occurrence from then on: %s', async (_, schedule, first) => {
    const id = await putNew({ ...schedule, paused: true })
    const { planned_us: planned, created_us: created } = await scheduleRow(id)
    expect(planned).toBe(first === 0 ? created : first - 1)
  })

  it('goes on from its start when it is put again, not from the time of the put', async () => {
    const id = await putNew({ name: 'started', rule: 'FREQ=DAILY;INTERVAL=2', paused: true })
    await writer.pool.query(
      `update schedule set rule_spec = jsonb_set(rule_spec::jsonb, '{start}', '"2026-01-01T03:00:00Z"') where id = $1`,
      [id],
    )
    await commit(put({ name: 'started', rule: 'FREQ=DAILY;INTERVAL=2', paused: false }))
    const [first] = await occurrencesOf(id)
    expect((first?.nominal_us ?? 0) % dayUs).toBe(dayUs / 8)
  })

  it('and resumed in one commit fires as before', async () => {
    const id = await putNew({})
    const before = await occurrencesOf(id)
    await commit(mutationOf('pauseSchedule', { id }), mutationOf('resumeSchedule', { id }))
    expect(await occurrencesOf(id)).toMatchObject(
      before.map(({ nominal_us }) => ({ nominal_us, state: 1, reason: '' })),
    )
  })

  it('and resumed in one commit goes on with what was moved', async () => {
    const id = await putNew({})
    await addMoved(id, { nominalUs: -hourUs, dueUs: hourUs })
    const before = await occurrencesOf(id)
    await commit(mutationOf('pauseSchedule', { id }), mutationOf('resumeSchedule', { id }))
    expect(await occurrencesOf(id)).toEqual(before)
  })

  it('and resumed in one commit after its rule was changed has nothing of the former rule', async () => {
    const id = await putNew({})
    const [before] = await occurrencesOf(id)
    await commit(
      put({ id, rule: '0 12 * * *' }),
      mutationOf('pauseSchedule', { id }),
      mutationOf('resumeSchedule', { id }),
    )
    const rows = await occurrencesOf(id)
    expect(rows).toHaveLength(2)
    const former = rows.find(({ nominal_us }) => nominal_us === before?.nominal_us)
    expect(former).toMatchObject({ state: 8, reason: 'changed' })
  })
})

describe('a schedule that the schedulers disable', () => {
  const disable = `
    update schedule set disabled_reason = 'gone', plan_us = null where id = $1 and disabled_reason = ''`

  it('while it is put stays disabled, and is enabled by the next put', async () => {
    const id = await putNew({ name: 'disabled' })
    const { plan_us: planUs } = await scheduleRow(id)
    const disabling = await writer.pool.connect()
    try {
      await disabling.query('begin')
      await disabling.query(disable, [id])
      const { rows: own } = await disabling.query<{ pid: number }>('select pg_backend_pid() as pid')
      const putting = commit(put({ name: 'disabled', title: 'meanwhile' }))
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
    expect(await scheduleRow(id)).toMatchObject({ disabled_reason: 'gone', plan_us: null })
    await commit(put({ name: 'disabled', title: 'again' }))
    expect(await scheduleRow(id)).toMatchObject({ disabled_reason: '', plan_us: planUs })
  })
})

describe('a schedule that is deleted', () => {
  it('cancels what was pending in that revision, keeps what it did, and leaves its name free', async () => {
    const id = await putNew({ name: 'gone' })
    await commit(mutationOf('deleteSchedule', { id }))
    expect(await occurrencesOf(id)).toMatchObject([{ state: 8, reason: 'deleted' }])
    await expectProblem(
      commit(mutationOf('deleteSchedule', { id })),
      'unknown_schedule',
      'mutations[0].delete_schedule.schedule',
    )
    await expectProblem(commit(put({ id, name: 'gone' })), 'schedule_exists', 'mutations[0].put_schedule.id')
    expect(await putNew({ name: 'gone' })).not.toBe(id)
  })

  it('can be made anew under its name in the same commit', async () => {
    const id = await putNew({ name: 'renewed' })
    const { results } = await commit(mutationOf('deleteSchedule', { id }), put({ name: 'renewed' }))
    expect(results[1]?.scheduleId).not.toBe(id)
    await expectProblem(commit(put({ name: 'renewed', mode: PutMode.CREATE })), 'schedule_exists')
  })
})

describe('the secret of a webhook', () => {
  const webhook = (value: object): PutInit['action'] => ({
    kind: { case: 'webhook', value: { url: 'https://example.com/hook', ...value } },
  })

  it('that was sealed under another secret of the deployment is kept as it is, and can be replaced', async () => {
    const id = await putNew({ name: 'sealed', action: webhook({ secret: 'first' }) })
    const sealed = new SecretBox('a-former-secret-of-the-deployment-0123456789').seal(id, 'first')
    await writer.pool.query('update schedule set secret = $2 where id = $1', [id, sealed])
    await commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({}) }))
    expect(await scheduleRow(id)).toMatchObject({ disabled_reason: '', secret: sealed })
    expect((await commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({}) }))).results[0]?.changed).toBe(
      false,
    )
    await commit(put({ name: 'sealed', rule: '0 1 * * *', action: webhook({ secret: 'first' }) }))
    const row = await scheduleRow(id)
    expect(new SecretBox(authSecret).open(id, row['secret'] as Buffer)).toBe('first')
  })

  it('is encrypted, in no log, and kept by a put that does not name it', async () => {
    const secret = 'top-secret-of-a-receiver'
    const id = await putNew({ name: 'hook', action: webhook({ secret }) })
    const row = await scheduleRow(id)
    expect((row['secret'] as Buffer).includes(secret)).toBe(false)
    expect((row['definition'] as Buffer).includes(secret)).toBe(false)
    const kept = fromBinary(PutScheduleSchema, row['definition'] as Buffer)
    expect(kept.action?.kind).toMatchObject({ case: 'webhook', value: { hasSecret: true } })
    const { rows } = await writer.pool.query<{ record: Buffer }>('select record from log')
    expect(rows.some(({ record }) => record.includes(secret))).toBe(false)
    expect((await commit(put({ name: 'hook', action: webhook({ secret }) }))).results[0]?.changed).toBe(false)
    expect((await commit(put({ name: 'hook', action: webhook({}) }))).results[0]?.changed).toBe(false)
    await commit(put({ name: 'hook', action: webhook({ secret: '' }) }))
    expect((await scheduleRow(id))['secret']).toBeNull()
  })
})

describe('what is wrong', () => {
  const webhook = (url: string): PutInit['action'] => ({ kind: { case: 'webhook', value: { url } } })
  const apiCall = (value: object): PutInit['action'] => ({
    kind: { case: 'apiCall', value: { method: 'POST', url: 'https://example.com', ...value } },
  })
  const field = 'mutations[0].put_schedule'

  it.each<[string, Partial<PutInit>, string, string]>([
    ['a rule that is none', { rule: 'every day' }, 'invalid_schedule', `${field}.rule.cron`],
    ['a minute that does not exist', { rule: '99 * * * *' }, 'invalid_schedule', `${field}.rule.cron.minute`],
    ['a member that is not known', { rule: '{"cron":"0 0 * * *","foo":1}' }, 'invalid_schedule', `${field}.rule.foo`],
    ['an object that is cut', { rule: '{"cron":"0 0' }, 'invalid_schedule', `${field}.rule`],
    ['a rule that never fires', { rule: '0 0 30 2 *' }, 'schedule_never_fires', `${field}.rule.cron`],
    ['a zone that is none', { timezone: 'Mars/Olympus' }, 'invalid_schedule', `${field}.rule.timezone`],
    ['no rule', { rule: '' }, 'invalid_request', `${field}.rule`],
    [
      'a start beside another one of the text',
      { rule: 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY', startTime: timestampFromMs(Date.UTC(2030, 0, 1, 10)) },
      'invalid_schedule',
      `${field}.start_time`,
    ],
    [
      'a start beside another one of the object',
      { rule: '{"cron": "0 9 * * *", "start": "2030-01-01"}', startTime: timestampFromMs(Date.UTC(2030, 0, 1, 9)) },
      'invalid_schedule',
      `${field}.start_time`,
    ],
    [
      'occurrences that are centuries apart',
      { rule: 'FREQ=SECONDLY;INTERVAL=999983;BYHOUR=0;BYMINUTE=0;BYSECOND=0' },
      'invalid_schedule',
      `${field}.rule`,
    ],
    ['no namespace', { namespace: '' }, 'invalid_request', `${field}.namespace`],
    ['an upper-case namespace', { namespace: 'Demo' }, 'invalid_request', `${field}.namespace`],
    ['a name with a line break', { name: 'a\nb' }, 'invalid_request', `${field}.name`],
    ['an id that is no UUID', { id: 'x' }, 'invalid_request', `${field}.id`],
    ['metadata that is no JSON', { metadata: '{' }, 'invalid_request', `${field}.metadata`],
    ['a title with a NUL', { title: 'a\0' }, 'invalid_request', `${field}.title`],
    ['a grace of a month', { grace: { seconds: 2_678_400n } }, 'invalid_request', `${field}.grace`],
    ['a negative backoff', { retry: { backoff: { seconds: -1n } } }, 'invalid_request', `${field}.retry.backoff`],
    ['101 attempts', { retry: { maxAttempts: 101 } }, 'invalid_request', `${field}.retry.max_attempts`],
    ['no such schedule', { name: 'nobody', mode: PutMode.UPDATE }, 'unknown_schedule', `${field}.name`],
    ['an unknown id to update', { id: randomUUID(), mode: PutMode.UPDATE }, 'unknown_schedule', `${field}.id`],
    [
      'a URL of another kind',
      { action: webhook('ftp://example.com') },
      'invalid_request',
      `${field}.action.webhook.url`,
    ],
    ['a URL without a host', { action: webhook('http://:80') }, 'invalid_request', `${field}.action.webhook.url`],
    ['a URL with a password', { action: webhook('http://a:b@c.de') }, 'invalid_request', `${field}.action.webhook.url`],
    [
      'a header of the connection',
      { action: apiCall({ headers: [{ name: 'Host', value: 'x' }] }) },
      'invalid_request',
      `${field}.action.api_call.headers[0].name`,
    ],
    [
      'a method of a tunnel',
      { action: apiCall({ method: 'CONNECT' }) },
      'invalid_request',
      `${field}.action.api_call.method`,
    ],
    [
      'a namespace of events that is not registered',
      { action: { kind: { case: 'emitEvent', value: { namespace: 'nowhere', type: 'a' } } } },
      'unknown_namespace',
      `${field}.action.emit_event.namespace`,
    ],
    [
      'an event that is due at the same time for every occurrence',
      {
        action: {
          kind: {
            case: 'emitEvent',
            value: { namespace: 'demo', type: 'a', delivery: { case: 'deliverTime', value: { seconds: 1n } } },
          },
        },
      },
      'invalid_request',
      `${field}.action.emit_event.deliver_time`,
    ],
    [
      'an event that ends at the same time for every occurrence',
      {
        action: {
          kind: {
            case: 'emitEvent',
            value: { namespace: 'demo', type: 'a', expiry: { case: 'expireTime', value: { seconds: 1n } } },
          },
        },
      },
      'invalid_request',
      `${field}.action.emit_event.expire_time`,
    ],
    [
      'an event whose payload is no JSON',
      { action: { kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'a', payload: '{' } } } },
      'invalid_request',
      `${field}.action.emit_event.payload`,
    ],
  ])('is named: %s', async (_, schedule, code, path) => {
    await expectProblem(commit(put(schedule)), code, path)
  })

  it('is an action that is missing', async () => {
    const value = create(PutScheduleSchema, { namespace: 'demo', rule: '0 0 * * *' })
    const mutation = create(MutationSchema, { kind: { case: 'putSchedule', value } })
    await expectProblem(commit(mutation), 'invalid_request', `${field}.action`)
  })

  it.each<[string, KeyInit]>([
    ['nothing', {}],
    ['a name without its namespace', { name: 'a' }],
    ['an id and a name', { id: randomUUID(), namespace: 'demo', name: 'a' }],
  ])('is a key of %s', async (_, key) => {
    await expectProblem(
      commit(mutationOf('pauseSchedule', key)),
      'invalid_request',
      'mutations[0].pause_schedule.schedule',
    )
  })

  it('is a revision that the schedule does not have any more', async () => {
    const name = 'checked'
    const { revision } = await commit(put({ name }))
    await commit(put({ name, title: 'second' }))
    await expectProblem(
      commit(put({ name, title: 'third', expectedRevision: revision })),
      'condition_failed',
      `${field}.expected_revision`,
    )
    expect((await commit(put({ name, title: 'third', expectedRevision: revision + 1n }))).results[0]?.changed).toBe(
      true,
    )
  })

  it('is a name that another schedule has', async () => {
    await putNew({ name: 'taken' })
    await expectProblem(commit(put({ id: randomUUID(), name: 'taken' })), 'schedule_exists', `${field}.name`)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => commit(put({ name: 'raced', mode: PutMode.CREATE }))),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
