import type { Pool } from 'pg'
import type { Candidacy } from '../leadership-store.ts'

type Executor = Pick<Pool, 'query'>

/** Announces a candidate, drops those of the key whose time is over, and returns the live ones, the oldest first. */
export async function announceCandidate(executor: Executor, { key, holder, ttlMs }: Candidacy): Promise<string[]> {
  const { rows } = await executor.query<{ holder: string }>({
    name: 'leadership_announce',
    text: `
      with announced as (
        insert into leadership_candidates as known (key, holder, since, expires_at)
        values ($1, $2, clock_timestamp(), clock_timestamp() + $3::double precision * interval '1 ms')
        on conflict (key, holder) do update
        set since = case when known.expires_at > clock_timestamp() then known.since else clock_timestamp() end,
            expires_at = clock_timestamp() + $3::double precision * interval '1 ms'
        returning holder, since
      ), gone as (
        delete from leadership_candidates where (key, holder) in (
          select key, holder from leadership_candidates
          where key = $1 and holder <> $2 and expires_at <= clock_timestamp()
          for update skip locked)
      )
      select holder from (
        select holder, since from announced
        union all
        select holder, since from leadership_candidates
        where key = $1 and holder <> $2 and expires_at > clock_timestamp()
      ) live
      order by since, holder`,
    values: [key, holder, ttlMs],
  })
  return rows.map((row) => row.holder)
}

/** Takes a candidate back. */
export async function withdrawCandidate(
  executor: Executor,
  { key, holder }: { key: string; holder: string },
): Promise<void> {
  await executor.query({
    name: 'leadership_withdraw',
    text: 'delete from leadership_candidates where key = $1 and holder = $2',
    values: [key, holder],
  })
}
