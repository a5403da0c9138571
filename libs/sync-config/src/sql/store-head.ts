import { quoteLiteral, type StoreNames } from '../store-names.ts'
import { queryText, runStatement, tableTimeoutMs, type Executor } from './executor.ts'

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
  const [head] = await queryText<readonly [name: string | null]>(executor, {
    text: 'select to_regclass($1)',
    values: [names.of('head')],
  })
  if (head === undefined || head[0] === null) return 0
  const [row] = await queryText<readonly [version: string]>(executor, {
    text: `select version from ${names.of('head')}`,
  })
  return Number(row?.[0] ?? 0)
}

/** How far the steps were taken. */
export async function storeVersion(executor: Executor, names: StoreNames, version: number): Promise<void> {
  await runStatement(executor, `update ${names.of('head')} set version = ${version}`)
}

export async function readEncoding(executor: Executor): Promise<string> {
  const [row] = await queryText<readonly [string]>(executor, { text: `select current_setting('server_encoding')` })
  return row?.[0] ?? ''
}

/** Makes the schema and the head, unless they are there; nobody else does until the transaction ends. */
export async function beginStore(executor: Executor, names: StoreNames): Promise<void> {
  const head = names.of('head')
  await runStatement(
    executor,
    `select pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`qcore config ${names.schemaName}`)}, 0));
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
    insert into ${head} default values on conflict do nothing`,
    tableTimeoutMs,
  )
}

/** Has changes announced on a channel, besides those that others asked for. */
export async function addChannel(executor: Executor, names: StoreNames, channel: string): Promise<void> {
  await queryText(executor, {
    text: `update ${names.of('head')} set channels = channels || $1::text where not $1 = any(channels)`,
    values: [channel],
  })
}
