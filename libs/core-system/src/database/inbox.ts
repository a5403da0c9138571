import type { PoolClient } from 'pg'
import type { Database } from './database.ts'

/** How long it is remembered that an event was handled: longer than events come again. */
const keptDays = 30
const cleanEveryMs = 3_600_000
const cleanBatch = 10_000

/** An event that a group handles. */
export interface InboxEntry {
  readonly store: string
  readonly namespace: string
  readonly group: string
  /** With its time: a store that was made anew begins with the same ids. */
  readonly event: string
}

/** Makes the table that remembers what was handled, unless it is there. */
export async function prepareInbox(database: Database): Promise<void> {
  const { rows } = await database.query<{ isThere: boolean }>(
    `select to_regclass('qcore_inbox') is not null as "isThere"`,
  )
  if (rows[0]?.isThere === true) return
  await database.withTransaction(async (client) => {
    // Two that start at once would both create it.
    await client.query(`select pg_advisory_xact_lock(hashtext('qcore_inbox'))`)
    await client.query(`
      create table if not exists qcore_inbox (
        store text not null,
        namespace text not null,
        group_name text not null,
        event text not null,
        handled_at timestamptz not null default now(),
        primary key (store, namespace, group_name, event)
      )`)
    await client.query(`create index if not exists qcore_inbox_handled on qcore_inbox (handled_at)`)
  })
}

/** Another node that handles the event at this moment is waited for; not for ever, as that one may have vanished. */
const longestWaitMs = 10_000
/** How long a transaction may be idle beyond the time that handlers have: its node has vanished. */
const idleMarginMs = 10_000
/** The longest that PostgreSQL takes. */
const longestIdleMs = 2_147_483_647

/**
 * Begins a transaction for handlers that have so much time: PostgreSQL ends it soon when the node has vanished, be it that the
 * connection is silent, or that nothing comes by it.
 */
export function beginHandling(timeoutMs: number): string {
  return `
    begin;
    set local lock_timeout = ${Math.ceil(Math.min(longestWaitMs, timeoutMs))};
    set local idle_in_transaction_session_timeout = ${Math.ceil(Math.min(longestIdleMs, timeoutMs + idleMarginMs))};
    set local tcp_keepalives_idle = 15;
    set local tcp_keepalives_interval = 5;
    set local tcp_keepalives_count = 3`
}

/**
 * Notes that an event is handled, in the transaction that handles it, and lets what follows wait for locks as long as it is used
 * to. False: it was handled before.
 */
export async function enterInbox(
  client: PoolClient,
  { store, namespace, group, event }: InboxEntry,
  lockTimeout: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into qcore_inbox (store, namespace, group_name, event) values ($1, $2, $3, $4) on conflict do nothing
    returning set_config('lock_timeout', $5, true)`,
    [store, namespace, group, event, lockTimeout],
  )
  return rowCount === 1
}

/** Forgets what was handled long ago, from time to time. */
export class InboxCleaner implements Disposable {
  readonly #timer: NodeJS.Timeout
  readonly #ending = new AbortController()
  #isCleaning = false

  constructor(database: Database, onError: (error: unknown) => void) {
    const clean = async (): Promise<void> => {
      if (this.#isCleaning) return
      this.#isCleaning = true
      try {
        await cleanInbox(database, this.#ending.signal)
      } catch (error) {
        onError(error)
      } finally {
        this.#isCleaning = false
      }
    }
    this.#timer = setInterval(() => void clean(), cleanEveryMs).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#ending.abort()
  }
}

/** Forgets what was handled more than 30 days ago, some at a time, until it is all or the signal fires. */
export async function cleanInbox(database: Database, signal: AbortSignal): Promise<void> {
  let isDone = false
  while (!isDone && !signal.aborted) {
    // What another process is at is left to it.
    const { rowCount } = await database.query(
      `delete from qcore_inbox where ctid in (
        select ctid from qcore_inbox where handled_at < now() - $1 * interval '1 day' limit $2 for update skip locked)`,
      [keptDays, cleanBatch],
    )
    isDone = rowCount !== cleanBatch
  }
}
