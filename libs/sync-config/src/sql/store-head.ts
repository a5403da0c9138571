import { quoteLiteral, type StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'

/** Where a store is. */
export interface Head {
  /** Differs from that of every other store, and of a store that was dropped and made anew. */
  readonly storeId: string
  readonly revision: number
  /** Changes of this revision and later ones are in the history. */
  readonly oldestRevision: number
  /** PostgreSQL's clock, in milliseconds since 1970. */
  readonly nowMs: number
}

export type HeadRow = readonly [storeId: string, revision: string, oldestRevision: string, nowMs: string]

/** The columns of a HeadRow. */
export const headColumns = `head.store_id, head.revision, head.oldest_revision, (extract(epoch from clock_timestamp()) * 1000)::double precision`

export function parseHead([storeId, revision, oldestRevision, nowMs]: HeadRow): Head {
  return { storeId, revision: Number(revision), oldestRevision: Number(oldestRevision), nowMs: Number(nowMs) }
}

export async function readHead(executor: Executor, names: StoreNames): Promise<Head> {
  const [row] = await queryText<HeadRow>(executor, {
    text: `select ${headColumns} from ${names.of('head')} as head`,
  })
  if (row === undefined) throw new Error(`${names.of('head')} has no row`)
  return parseHead(row)
}

/** How many steps were taken; 0 if there is no store. */
export async function readStoreVersion(executor: Executor, names: StoreNames): Promise<number> {
  const exists = await executor.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    names.of('head'),
  ])
  if (exists.rows[0]?.exists !== true) return 0
  const { rows } = await executor.query<{ version: number }>(`select version from ${names.of('head')}`)
  return rows[0]?.version ?? 0
}

/** Makes the schema and the head, unless they are there; nobody else does until the transaction ends. */
export async function beginStore(executor: Executor, names: StoreNames): Promise<void> {
  const head = names.of('head')
  await executor.query(`
    select pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`qcore config ${names.schemaName}`)}, 0));
    do $$ begin
      if not exists (select from pg_namespace where nspname = ${quoteLiteral(names.schemaName)}) then
        create schema ${names.schema};
      end if;
    end $$;
    create table if not exists ${head} (
      id boolean primary key default true check (id),
      version integer not null default 0,
      store_id text not null default gen_random_uuid()::text,
      revision bigint not null default 0,
      oldest_revision bigint not null default 1,
      transaction_id xid8,
      transaction_at timestamptz,
      channels text[] not null default '{}'
    ) with (fillfactor = 10);
    insert into ${head} default values on conflict do nothing`)
}

/** Has changes announced on a channel, besides those that others asked for. */
export async function addChannel(executor: Executor, names: StoreNames, channel: string): Promise<void> {
  await executor.query(`update ${names.of('head')} set channels = channels || $1::text where not $1 = any(channels)`, [
    channel,
  ])
}
