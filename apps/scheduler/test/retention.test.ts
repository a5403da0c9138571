import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { patience, startStore, type TestStore } from './_store.ts'

let store: TestStore

beforeAll(async () => {
  store = await startStore()
})

afterAll(() => store[Symbol.asyncDispose]())

/** Rows of the ledger that were over in 2020, a second apart. */
async function addOld(scheduleId: string, { count, state = 4 }: { count: number; state?: number }): Promise<void> {
  await store.pool.query(
    `insert into occurrence (id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision,
       created_us, ended_us)
     select gen_random_uuid()::text, $1, us, us, us, 9000000000000000, $3::int, 1, 1, us, case when $3::int < 4 then null else us end
     from generate_series(1, $2::int) as n, lateral (select 1577836800000000 + n * 1000000 as us) as at`,
    [scheduleId, count, state],
  )
}

async function timesOf(scheduleId: string): Promise<number[]> {
  const text =
    'select ((nominal_us - 1577836800000000) / 1000000)::int as n from occurrence where schedule_id = $1 order by 1'
  const { rows } = await store.pool.query<{ n: number }>(text, [scheduleId])
  return rows.map(({ n }) => n)
}

it('goes on past any number of rows that stay, and past what somebody has locked, and waits for nobody', async () => {
  // The one row of each of these schedules is its newest.
  await store.pool.query(`
    insert into occurrence (id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision,
      created_us, ended_us)
    select gen_random_uuid()::text, 'single' || n, 1, 1, 1, 1, 4, 1, 1, 1, 1 from generate_series(1, 2500) as n`)
  await addOld('many', { count: 1_200 })
  await addOld('open', { count: 3, state: 1 })
  const holder = await store.pool.connect()
  try {
    await holder.query('begin')
    await holder.query(`select from occurrence where schedule_id = 'many' and nominal_us = 1577836805000000 for update`)
    await using _scheduler = await store.startScheduler()
    await vi.waitFor(async () => expect(await timesOf('many')).toEqual([5, 1_200]), patience)
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  expect(await timesOf('open')).toEqual([1, 2, 3])
  const { rows } = await store.pool.query(`select from occurrence where schedule_id like 'single%'`)
  expect(rows).toHaveLength(2_500)
})

it('leaves what is run again, and what can still fire though a later one is over', async () => {
  await addOld('again', { count: 2 })
  await store.pool.query(
    `update occurrence set state = 1, ended_us = null where schedule_id = 'again' and nominal_us = 1577836801000000`,
  )
  await addOld('done', { count: 2 })
  await using _scheduler = await store.startScheduler()
  await vi.waitFor(async () => expect(await timesOf('done')).toEqual([2]), patience)
  expect(await timesOf('again')).toEqual([1, 2])
})

it('keeps what is over for the retention after its time and after its end', async () => {
  await addOld('backfilled', { count: 3 })
  const nowUs = Date.now() * 1_000
  await store.pool.query(
    `update occurrence set ended_us = $1 where schedule_id = 'backfilled' and nominal_us = 1577836801000000`,
    [nowUs],
  )
  await addOld('cancelled', { count: 3 })
  await store.pool.query(
    `update occurrence set nominal_us = $1, last_nominal_us = $1
     where schedule_id = 'cancelled' and nominal_us = 1577836801000000`,
    [nowUs],
  )
  await using _scheduler = await store.startScheduler()
  await vi.waitFor(async () => expect(await timesOf('backfilled')).toEqual([1, 3]), patience)
  const { rows } = await store.pool.query(`select nominal_us from occurrence where schedule_id = 'cancelled'`)
  expect(rows).toEqual([{ nominal_us: nowUs }])
})

/** Versions of a schedule that were made in 2020, a second apart, numbered up to -1; it has a later one. */
async function addOldVersions(scheduleId: string, count: number): Promise<void> {
  await store.pool.query(
    `insert into schedule_version
     select schedule_id, -n, 0, 1, state, definition, rule_spec, '', 'tester', 1577836800000000 - n::bigint * 1000000
     from schedule_version, generate_series(1, $2::int) as n where schedule_id = $1`,
    [scheduleId, count],
  )
}

async function revisionsOf(scheduleId: string): Promise<number[]> {
  const text = 'select revision from schedule_version where schedule_id = $1 order by 1'
  const { rows } = await store.pool.query<{ revision: number }>(text, [scheduleId])
  return rows.map(({ revision }) => revision)
}

it('keeps versions of schedules; those that writes to fields made as long as occurrences, and what one names', async () => {
  const bound = await store.put({ rule: '0 0 1 1 *' })
  const plain = await store.put({ rule: '0 0 1 1 *' })
  await store.pool.query('update schedule set is_bound = true where id = $1', [bound])
  for (const id of [bound, plain]) await addOldVersions(id, 2_500)
  await store.pool.query(
    `insert into occurrence (id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision,
       created_us, ended_us)
     values ('named', $1, 1, 1, 1, 1, 4, 1, -1200, 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)`,
    [bound],
  )
  await using _scheduler = await store.startScheduler()
  const revision = expect.any(Number)
  await vi.waitFor(async () => expect(await revisionsOf(bound)).toEqual([-1_200, -1, revision]), patience)
  expect(await revisionsOf(plain)).toHaveLength(2_501)
})
