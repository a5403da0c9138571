import { randomUUID } from 'node:crypto'
import { AttemptOutcome } from '@qcore/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { settlementOf, unattempted } from '../src/dispatch/settlement-of.ts'
import { occurrenceState } from '../src/occurrence-state.ts'
import { readSettingsOf } from '../src/schedule-settings.ts'
import { readNextWake } from '../src/sql/next-wake.ts'
import { addManualOccurrence, loadAttempts, loadOccurrence } from '../src/sql/occurrences.ts'
import { settleOccurrences } from '../src/sql/settle-occurrences.ts'
import { addDue } from './_due.ts'
import { begin, claimOne, type Held } from './_held.ts'
import { startStore, type TestStore } from './_store.ts'

const { SUCCEEDED, FAILED, LOST } = AttemptOutcome

let store: TestStore

beforeAll(async () => {
  store = await startStore()
})

afterAll(() => store[Symbol.asyncDispose]())

/** Has an attempt end, well or not. Returns whether its scheduler still had the occurrence. */
async function end({ claim, row }: Held, number: number, error = ''): Promise<boolean> {
  const ended = { occurrenceId: row.id, claim, number, tries: number }
  const outcome = error === '' ? ({ kind: 'done', result: 'ok', statusCode: 204 } as const) : failure(error)
  const settlement = settlementOf(ended, outcome, readSettingsOf(row.definition))
  return (await settleOccurrences(store.pool, [{ ...settlement, waitMs: 0 }])).has(row.id)
}

function failure(error: string): { kind: 'failed'; error: string; statusCode: number } {
  return { kind: 'failed', error, statusCode: 500 }
}

async function endLease({ row }: Held): Promise<void> {
  await store.pool.query('update occurrence set lease_us = 0 where id = $1', [row.id])
}

/** Ends what a test leaves, so that nothing is due in the next one. */
async function cancel({ row }: Held): Promise<void> {
  await store.pool.query('update occurrence set state = 8, ended_us = 1 where id = $1 and state < 4', [row.id])
}

async function addOne(): Promise<void> {
  await addDue(store, await store.put({ rule: '0 0 1 1 *' }), 1)
}

it('keeps every attempt of an occurrence, with how it went', async () => {
  await addOne()
  const first = await claimOne(store)
  expect(await begin(store, 'one', first)).toMatchObject({ number: 1, isFirst: true })
  expect(await loadAttempts(store.pool, first.row.id)).toMatchObject([{ number: 1, outcome: 0, endedUs: null }])
  expect(await end(first, 1, 'busy')).toBe(true)
  const second = await claimOne(store)
  expect(await begin(store, 'two', second)).toMatchObject({ number: 2, isFirst: false })
  await endLease(second)
  const third = await claimOne(store)
  expect(await begin(store, 'three', third)).toMatchObject({ number: 3 })
  expect(await end(third, 3)).toBe(true)
  const attempts = await loadAttempts(store.pool, first.row.id)
  expect(attempts).toMatchObject([
    { number: 1, scheduler: 'one', outcome: FAILED, error: 'busy', statusCode: 500, result: '' },
    { number: 2, scheduler: 'two', outcome: LOST, error: '', statusCode: 0 },
    { number: 3, scheduler: 'three', outcome: SUCCEEDED, error: '', statusCode: 204, result: 'ok' },
  ])
  for (const { startedUs, endedUs } of attempts) expect(endedUs ?? 0).toBeGreaterThanOrEqual(startedUs)
  expect(await loadOccurrence(store.pool, first.row.id)).toMatchObject({
    state: occurrenceState.completed,
    attempts: 3,
  })
})

it('is nobody else’s while its lease lasts, also for those who look what is next', async () => {
  await addOne()
  const held = await claimOne(store)
  await expect(claimOne(store)).rejects.toThrow('nothing is due')
  expect((await readNextWake(store.pool)).wakeUs ?? Infinity).toBeGreaterThan(Date.now() * 1_000)
  await begin(store, 'one', held)
  await expect(claimOne(store)).rejects.toThrow('nothing is due')
  await endLease(held)
  expect((await readNextWake(store.pool)).wakeUs ?? Infinity).toBeLessThan(Date.now() * 1_000)
  const other = await claimOne(store)
  expect(other.row).toMatchObject({ id: held.row.id, wasState: occurrenceState.running })
  await cancel(held)
})

it('begins nothing whose lease has ended, though nobody else has it yet', async () => {
  await addOne()
  const held = await claimOne(store)
  await endLease(held)
  expect(await begin(store, 'one', held)).toBeUndefined()
  expect(await loadAttempts(store.pool, held.row.id)).toEqual([])
  await cancel(held)
})

it('notes how an attempt went whose scheduler has lost the occurrence, and changes nothing else', async () => {
  await addOne()
  const late = await claimOne(store)
  await begin(store, 'late', late)
  await endLease(late)
  const heir = await claimOne(store)
  const before = await loadOccurrence(store.pool, late.row.id)
  expect(await end(late, 1)).toBe(false)
  expect(await loadOccurrence(store.pool, late.row.id)).toEqual({
    ...before,
    attemptEndedUs: expect.any(Number),
    attemptOutcome: SUCCEEDED,
    attemptStatusCode: 204,
    attemptResult: 'ok',
  })
  expect(await begin(store, 'heir', heir)).toMatchObject({ number: 2 })
  // What comes even later finds its attempt over.
  expect(await end(late, 1, 'too late')).toBe(false)
  await end(heir, 2)
  expect(await loadAttempts(store.pool, late.row.id)).toMatchObject([
    { number: 1, scheduler: 'late', outcome: SUCCEEDED, error: '' },
    { number: 2, scheduler: 'heir', outcome: SUCCEEDED },
  ])
})

it('ends an attempt that was left open with the occurrence, and not before', async () => {
  await addOne()
  const lost = await claimOne(store)
  await begin(store, 'lost', lost)
  await endLease(lost)
  const heir = await claimOne(store)
  const { id } = heir.row
  await settleOccurrences(store.pool, [unattempted(id, heir.claim, { state: occurrenceState.running })])
  expect(await loadAttempts(store.pool, id)).toMatchObject([{ number: 1, outcome: 0, endedUs: null }])
  const last = await claimOne(store)
  const failed = { state: occurrenceState.failed, reason: 'attempts', error: 'gone' } as const
  await settleOccurrences(store.pool, [unattempted(id, last.claim, failed)])
  expect(await loadAttempts(store.pool, id)).toMatchObject([
    { number: 1, outcome: LOST, error: 'gone', endedUs: expect.any(Number) },
  ])
})

it('is run by hand though another one of its schedule has the very moment', async () => {
  const scheduleId = await store.put({ rule: '0 0 1 1 *' })
  const planned = 'select nominal_us from occurrence where schedule_id = $1'
  const { rows } = await store.pool.query<{ nominal_us: number }>(planned, [scheduleId])
  const plannedUs = rows[0]?.nominal_us ?? 0
  const client = await store.pool.connect()
  try {
    // A clock that says that moment, and then the microseconds after it.
    await client.query(`create sequence test_clock start ${plannedUs}`)
    await client.query(`
      create function clock_timestamp() returns timestamptz language sql volatile as $$
        select timestamptz 'epoch' + nextval('test_clock') * interval '1 microsecond' $$`)
    await client.query(`set search_path to ${store.env['Q_STORE']}, pg_catalog`)
    const wanted = { id: randomUUID(), scheduleId, scheduleRevision: 1 }
    const row = await addManualOccurrence(client, wanted, { subject: 'tester', tokenId: '' })
    expect(row).toMatchObject({ id: wanted.id, nominalUs: plannedUs + 1, state: occurrenceState.pending })
  } finally {
    client.release(true)
    await store.pool.query(`drop function if exists ${store.env['Q_STORE']}.clock_timestamp()`)
    await store.pool.query('update occurrence set state = 8, ended_us = 1 where schedule_id = $1 and state < 4', [
      scheduleId,
    ])
  }
})

it('is claimed and begun without a change to any index', async () => {
  const { rows } = await store.pool.query<{ name: string }>(`
    select distinct attname as name from pg_index
    join pg_depend on pg_depend.classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid
    join pg_attribute on attrelid = indrelid and attnum = refobjsubid
    where indrelid = 'occurrence'::regclass order by 1`)
  expect(rows.map(({ name }) => name)).toEqual(['ended_us', 'id', 'nominal_us', 'schedule_id', 'wake_us'])
})
