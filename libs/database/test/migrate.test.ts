import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import {
  createEventPartition,
  createLogPartition,
  migrateStore,
  openPool,
  readHead,
  type DatabaseOptions,
} from '../src/index.ts'

let database: DatabaseOptions
let pool: ReturnType<typeof openPool>

beforeEach(() => {
  const store = `test_${randomBytes(6).toString('hex')}`
  database = { address: inject('postgresUrl'), store, applicationName: 'test' }
  pool = openPool({ ...database, max: 1 }, () => undefined)
})

afterEach(async () => {
  await pool.query(`drop schema ${database.store} cascade`)
  await pool.end()
})

test('a store is created once, whoever else creates it at the same time', async () => {
  await Promise.all([migrateStore(database), migrateStore(database), migrateStore(database)])
  expect(await readHead(pool)).toMatchObject({ revision: 0, oldestRevision: 1 })
  const { rows } = await pool.query<{ count: number }>('select count(*) from head')
  expect(rows).toEqual([{ count: 1 }])
})

test('a store that is in order is left as it is', async () => {
  await migrateStore(database)
  const { logId } = await readHead(pool)
  await migrateStore(database)
  expect((await readHead(pool)).logId).toBe(logId)
})

test('a store whose tombstones do not tell what was deleted forgets the past before them', async () => {
  await createOldStore()
  await pool.query(`insert into tombstone (entity_id, revision) values ('gone', 7)`)
  await migrateStore(database)
  expect((await readHead(pool)).oldestRevision).toBe(8)
})

test('what schedulers had under way stays so, and is free when their leases end', async () => {
  await createOldStore(20)
  const insert = (id: string, state: number, [claim, endedUs]: [string | null, number | null]): Promise<unknown> =>
    pool.query(
      `insert into occurrence (id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, claim, attempts,
         schedule_revision, created_us, ended_us) values ($1, $1, 1, 1, 1, 7, $2, 1, $3, 2, 1, 1, $4)`,
      [id, state, claim, endedUs],
    )
  await insert('running', 3, ['theirs', null])
  await insert('completed', 4, [null, 9])
  await insert('again', 1, [null, 9])
  await insert('unclear', 8, [null, null])
  await pool.query(`
    insert into attempt (occurrence_id, number, scheduler, started_us, ended_us, outcome, error) values
      ('running', 1, 'one', 1, 2, 2, 'busy'), ('running', 2, 'two', 3, null, 0, ''), ('completed', 2, 'one', 1, 2, 1, '')`)
  await migrateStore(database)
  const occurrences = await pool.query(
    'select id, ended_us as ended, claim, lease_us as lease from occurrence order by id',
  )
  expect(occurrences.rows).toEqual([
    { id: 'again', ended: null, claim: null, lease: 0 },
    { id: 'completed', ended: 9, claim: null, lease: 0 },
    { id: 'running', ended: null, claim: 'theirs', lease: 0 },
    { id: 'unclear', ended: 7, claim: null, lease: 0 },
  ])
  const attempts = await pool.query(`
    select occurrence_id as id, number, scheduler, started_us as started, ended_us as ended, outcome, error
    from occurrence_attempt order by id, number`)
  expect(attempts.rows).toEqual([
    { id: 'completed', number: 2, scheduler: 'one', started: 1, ended: 2, outcome: 1, error: '' },
    { id: 'running', number: 1, scheduler: 'one', started: 1, ended: 2, outcome: 2, error: 'busy' },
    { id: 'running', number: 2, scheduler: 'two', started: 3, ended: null, outcome: 0, error: '' },
  ])
  expect((await pool.query('select from attempt')).rowCount).toBe(2)
})

test('what is large is compressed by lz4, in new partitions and in those that were there', async () => {
  await createOldStore(25)
  await createLogPartition(pool, { from: 1, to: 2 })
  await createEventPartition(pool, { fromUs: 1, toUs: 2 })
  await migrateStore(database)
  await createLogPartition(pool, { from: 2, to: 3 })
  await pool.query(`
    insert into log
    select revision, 0, convert_to(repeat('large', 1000), 'UTF8') from generate_series(1, 2) as revision`)
  await pool.query(`
    insert into event (revision, event_index, emitted_us, namespace, type, payload, producer, correlation_id, writer)
    values (1, 0, 1, '', '', repeat('large', 1000), '', '', '')`)
  const { rows } = await pool.query<{ method: string }>(`
    select pg_column_compression(record) as method from log
    union all select pg_column_compression(payload) from event`)
  const offered = await pool.query(`
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)`)
  expect(rows.map(({ method }) => method)).toEqual(Array(3).fill(offered.rowCount === 1 ? 'lz4' : 'pglz'))
})

/** A store as so many migrations make it. */
async function createOldStore(migrations = 1): Promise<void> {
  const folder = new URL('../migrations/', import.meta.url)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  await pool.query(`create schema ${database.store}`)
  for (const file of files.slice(0, migrations)) {
    const text = await readFile(new URL(file, folder), 'utf8')
    for (const statement of text.split('--> statement-breakpoint')) await pool.query(statement)
  }
  await pool.query('create table migration (id serial primary key, hash text not null, created_at bigint)')
  await pool.query(`insert into migration (hash, created_at) values ('first', $1)`, [migrations])
}

test('a store whose last migration is missing is not taken for one in order', async () => {
  await migrateStore(database)
  await pool.query('delete from migration')
  await expect(migrateStore(database)).rejects.toThrow()
})

test('a migration may take long, but does not wait long for what others have locked', async () => {
  await pool.query(`create schema ${database.store}`)
  await pool.query('create table migration (id serial primary key, hash text not null, created_at bigint)')
  await pool.query('create table seen (statement_timeout text, lock_timeout text)')
  await pool.query(`
    create function see() returns trigger language plpgsql as $$ begin
      insert into seen values (current_setting('statement_timeout'), current_setting('lock_timeout'));
      return new;
    end $$`)
  await pool.query('create trigger see after insert on migration for each row execute function see()')
  await migrateStore(database)
  const { rows } = await pool.query('select distinct * from seen')
  expect(rows).toEqual([{ statement_timeout: '1h', lock_timeout: '30s' }])
})
