import type { Executor } from '@qcore/database'

/** Rows whose time is over that one call takes along. */
const mostSwept = 100

/** What adding a member did. */
export type Addition = 'added' | 'changed' | 'full'

/** Adds a member, or gives it another score, unless the set is full. */
export async function addMember(
  executor: Executor,
  { key, member, score, most }: { key: string; member: string; score: number; most: number },
): Promise<Addition> {
  const { rows } = await executor.query<{ added: boolean }>({
    name: 'temporary_add_member',
    text: `
      with gone as (
        delete from temporary_member where (key, member) in (
          select key, member from temporary_member
          where expires_at <= clock_timestamp() and (key, member) <> ($1, $2)
          limit ${mostSwept} for update skip locked)
      ), present as (
        select 1 from temporary_member where key = $1 and member = $2 and expires_at > clock_timestamp()
      ), stored as (
        insert into temporary_member (key, member, score, expires_at)
        select $1, $2, $3::double precision, clock_timestamp() + interval '30 days'
        where exists (select from present)
          or (select count(*) from temporary_member where key = $1 and expires_at > clock_timestamp()) < $4
        on conflict (key, member) do update set score = excluded.score, expires_at = excluded.expires_at
        returning 1
      )
      select not exists (select from present) as added from stored`,
    values: [key, member, score, most],
  })
  const [row] = rows
  if (row === undefined) return 'full'
  return row.added ? 'added' : 'changed'
}

/** Removes a member. Returns whether it was there. */
export async function removeMember(
  executor: Executor,
  { key, member }: { key: string; member: string },
): Promise<boolean> {
  const { rows } = await executor.query<{ live: boolean }>({
    name: 'temporary_remove_member',
    text: `delete from temporary_member where key = $1 and member = $2
           returning expires_at > clock_timestamp() as live`,
    values: [key, member],
  })
  return rows[0]?.live === true
}

/** Removes the members of a range of ranks, from 0, or from the end below 0. Returns how many. */
export async function removeMembersByRank(
  executor: Executor,
  { key, first, last }: { key: string; first: bigint; last: bigint },
): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'temporary_remove_by_rank',
    text: `
      with ranked as (
        select member, row_number() over (order by score, member) - 1 as rank, count(*) over () as size
        from temporary_member where key = $1 and expires_at > clock_timestamp()
      )
      delete from temporary_member where key = $1 and member in (
        select member from ranked
        where rank >= case when $2::bigint < 0 then size + $2::bigint else $2::bigint end
          and rank <= case when $3::bigint < 0 then size + $3::bigint else $3::bigint end)`,
    values: [key, first, last],
  })
  return rowCount ?? 0
}

/** Scores from one to another; each may be left out itself. */
export interface ScoreRange {
  readonly least: number
  readonly leastExcluded: boolean
  readonly greatest: number
  readonly greatestExcluded: boolean
}

/** The members whose scores lie in a range, by score, then member. */
export async function listMembers(
  executor: Executor,
  key: string,
  { least, leastExcluded, greatest, greatestExcluded }: ScoreRange,
): Promise<{ member: string; score: number }[]> {
  const { rows } = await executor.query<{ member: string; score: number }>({
    name: 'temporary_list_members',
    text: `
      select member, score from temporary_member
      where key = $1 and expires_at > clock_timestamp()
        and (score > $2::double precision or (score = $2::double precision and not $3::boolean))
        and (score < $4::double precision or (score = $4::double precision and not $5::boolean))
      order by score, member`,
    values: [key, least, leastExcluded, greatest, greatestExcluded],
  })
  return rows
}
