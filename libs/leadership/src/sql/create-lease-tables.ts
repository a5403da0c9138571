import type { Pool } from 'pg'

/** Creates the tables of the leases unless they are there. Safe to run from several processes at once. */
export async function createLeaseTables(executor: Pick<Pool, 'query'>): Promise<void> {
  await executor.query(`
    do $$
    begin
      perform pg_advisory_xact_lock(hashtext('qcore leadership tables'));
      create table if not exists leadership_leases (
        key text primary key,
        holder text not null,
        token bigint not null,
        expires_at timestamptz not null
      );
      create table if not exists leadership_candidates (
        key text not null,
        holder text not null,
        since timestamptz not null,
        expires_at timestamptz not null,
        primary key (key, holder)
      );
    end $$`)
}
