import type { Executor } from '@qcore/database'
import { restoreTables } from '../restore-tables.ts'

/** What is known of a restore once its file was read. */
export interface StagedFacts {
  /** The header of the file, as protobuf's JSON. */
  readonly header: unknown
  /** The entity that is restored with its descendants; empty: the whole store. */
  readonly underId: string
  readonly entities: number
  readonly fields: number
  readonly references: number
  readonly problems: number
}

/** What became of a restore. */
export interface AppliedFacts {
  readonly revision: number
  /** Microseconds; 0 if it changed nothing. */
  readonly timeUs: number
  readonly logId: string
}

export interface RestoreRow {
  readonly id: string
  readonly under: string
  readonly staged: StagedFacts | null
  readonly applied: AppliedFacts | null
}

/** Adds a restore; no effect if it is there. */
export async function insertRestore(
  executor: Executor,
  { id, under, keepSeconds }: { id: string; under: string; keepSeconds: number },
): Promise<void> {
  await executor.query({
    text: `
      insert into restore (id, under, expires_at) values ($1, $2, clock_timestamp() + $3::int * interval '1 second')
      on conflict (id) do nothing`,
    values: [id, under, keepSeconds],
  })
}

/** Makes the table of a restore's parts. Without compression: the parts are read once. */
export async function createPartTable(executor: Executor, id: string): Promise<void> {
  const { part } = restoreTables(id)
  await executor.query(`
    create unlogged table if not exists ${part} (sequence integer primary key, content bytea not null);
    alter table ${part} alter column content set storage external`)
}

/** A restore; undefined if there is none. */
export async function loadRestore(executor: Executor, id: string): Promise<RestoreRow | undefined> {
  const { rows } = await executor.query<RestoreRow>({
    text: 'select id, under, staged, applied from restore where id = $1',
    values: [id],
  })
  return rows[0]
}

/** The same, which nobody else can lock before the transaction ends. Throws SQLSTATE 55P03 if somebody has. */
export async function lockRestore(executor: Executor, id: string): Promise<RestoreRow | undefined> {
  const { rows } = await executor.query<RestoreRow>({
    text: 'select id, under, staged, applied from restore where id = $1 for update nowait',
    values: [id],
  })
  return rows[0]
}

/** Keeps a restore for some time from now on. Returns how many restores there are of that id that were not applied. */
export async function keepRestore(executor: Executor, id: string, keepSeconds: number): Promise<number> {
  const { rowCount } = await executor.query({
    text: `
      update restore set expires_at = clock_timestamp() + $2::int * interval '1 second'
      where id = $1 and applied is null`,
    values: [id, keepSeconds],
  })
  return rowCount ?? 0
}

/** Adds a part. Returns whether the part that is there now is this one. */
export async function insertPart(
  executor: Executor,
  { id, sequence, content }: { id: string; sequence: number; content: Uint8Array },
): Promise<boolean> {
  const { part } = restoreTables(id)
  const { rowCount } = await executor.query({
    text: `
      insert into ${part} as kept (sequence, content) values ($1, $2)
      on conflict (sequence) do update set sequence = excluded.sequence where kept.content = excluded.content`,
    values: [sequence, Buffer.from(content.buffer, content.byteOffset, content.byteLength)],
  })
  return rowCount === 1
}

/** A part; undefined if it was not added. */
export async function loadPart(executor: Executor, id: string, sequence: number): Promise<Buffer | undefined> {
  const { rows } = await executor.query<{ content: Buffer }>({
    text: `select content from ${restoreTables(id).part} where sequence = $1`,
    values: [sequence],
  })
  return rows[0]?.content
}

export async function storeStaged(executor: Executor, id: string, facts: StagedFacts): Promise<void> {
  await executor.query({ text: 'update restore set staged = $2 where id = $1', values: [id, facts] })
}

export async function storeApplied(executor: Executor, id: string, facts: AppliedFacts): Promise<void> {
  await executor.query({ text: 'update restore set applied = $2 where id = $1', values: [id, facts] })
}

/** Drops what a restore holds beside its row. */
export async function dropRestoreTables(executor: Executor, id: string): Promise<void> {
  await executor.query(`drop table if exists ${Object.values(restoreTables(id)).join(', ')}`)
}

/** Drops the parts of a file that was read. */
export async function dropRestorePartTable(executor: Executor, id: string): Promise<void> {
  await executor.query(`drop table if exists ${restoreTables(id).part}`)
}

/** Deletes the row of a restore, unless it was applied. */
export async function deleteRestore(executor: Executor, id: string): Promise<void> {
  await executor.query({ text: 'delete from restore where id = $1 and applied is null', values: [id] })
}

/** Restores whose time is over, oldest first. */
export async function listExpiredRestores(executor: Executor, limit: number): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    text: 'select id from restore where expires_at < clock_timestamp() order by expires_at limit $1',
    values: [limit],
  })
  return rows.map(({ id }) => id)
}

/** Deletes the row of a restore whose time is over. */
export async function deleteExpiredRestore(executor: Executor, id: string): Promise<void> {
  await executor.query({
    text: 'delete from restore where id = $1 and expires_at < clock_timestamp()',
    values: [id],
  })
}

/** How many restores are under way. */
export async function countRestores(executor: Executor): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    text: 'select count(*)::int as count from restore where applied is null and expires_at >= clock_timestamp()',
  })
  return rows[0]?.count ?? 0
}
