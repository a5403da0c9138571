import { Client } from 'pg'
import { closedLoop, type LoopOptions, type LoopResult } from '../measure/closed-loop.ts'
import { restPostgres } from './rest-postgres.ts'

/** The upsert that both limits use: rows as the store keeps fields, a primary key, no other index. */
const upsert = `
  insert into bench.field (entity_id, field_id, value, write_time_us, writer, revision)
  select id, 1, value, 1700000000000000, 'bench', 1 from unnest($1::text[], $2::bytea[]) as row (id, value)
  on conflict (entity_id, field_id) do update set value = excluded.value, write_time_us = excluded.write_time_us,
    writer = excluded.writer, revision = excluded.revision`

/** PostgreSQL alone: one connection, prepared statements, a table of the bench's own. */
export interface RawPostgres extends AsyncDisposable {
  readonly client: Client
  /** Upserts of `rows` rows, a commit each. */
  measureCommits(rows: number, options: LoopOptions): Promise<LoopResult>
  /** As `restPostgres`. */
  rest(): Promise<void>
}

/**
 * Makes the table, with a row for each id.
 *
 * @param nextId which row is written next: in the order in which qcore writes its own
 */
export async function openRawPostgres(
  address: string,
  ids: readonly string[],
  nextId: () => string,
): Promise<RawPostgres> {
  const client = new Client({ connectionString: address })
  await client.connect()
  await client.query('drop schema if exists bench cascade')
  await client.query('create schema bench')
  await client.query(`
    create table bench.field (entity_id text collate "C", field_id integer, value bytea not null, write_time_us bigint not null,
      writer text not null, revision bigint not null, primary key (entity_id, field_id)) with (fillfactor = 70)`)
  const value = Buffer.from([0x08, 0x05])
  const store = (some: readonly string[]): Promise<unknown> =>
    client.query({ name: 'upsert', text: upsert, values: [some, some.map(() => value)] })
  await store(ids)
  const commit = (rows: number): Promise<unknown> => store(Array.from({ length: rows }, nextId))
  return {
    client,
    measureCommits: (rows, options) => closedLoop(() => commit(rows), options),
    rest: () => restPostgres(client),
    async [Symbol.asyncDispose]() {
      await client.query('drop schema bench cascade')
      await client.end()
    },
  }
}
