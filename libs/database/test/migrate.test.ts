import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { migrateStore, openPool, readHead, type DatabaseOptions } from '../src/index.ts'

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

/** A store as the first migration alone makes it. */
async function createOldStore(): Promise<void> {
  const first = await readFile(new URL('../migrations/0001_store.sql', import.meta.url), 'utf8')
  await pool.query(`create schema ${database.store}`)
  for (const statement of first.split('--> statement-breakpoint')) await pool.query(statement)
  await pool.query('create table migration (id serial primary key, hash text not null, created_at bigint)')
  await pool.query(`insert into migration (hash, created_at) values ('first', 1)`)
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
