import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'
import { microseconds, type StoredChange } from './stored-rows.ts'

/** What became of one part of a commit. */
export interface CommittedChange extends StoredChange {
  readonly changed: boolean
  readonly existed: boolean
}

type CommitRow = readonly [
  key: string,
  changed: 't' | 'f',
  existed: 't' | 'f',
  revision: string,
  text: string | null,
  expiresUs: string,
  author: string,
]

/**
 * Makes changes as one revision, or none of them.
 *
 * @param changes JSON: an array of {key, value?, ifRevision?, ttlMs?}; without a value the key is deleted
 */
export async function commitChanges(
  executor: Executor,
  names: StoreNames,
  { changes, author, origin }: { changes: string; author: string; origin: string },
): Promise<CommittedChange[]> {
  const rows = await queryText<CommitRow>(executor, {
    text: `
      select key, changed, existed, revision, value, ${microseconds('expires_at')}, made_by
      from ${names.of('commit')}($1, $2, $3)`,
    values: [changes, author, origin],
  })
  return rows.map(parseCommit(origin))
}

/** Gives keys the values that they had at a revision; all of them, or one. */
export async function rollBack(
  executor: Executor,
  names: StoreNames,
  { revision, key, author, origin }: { revision: number; key: string | undefined; author: string; origin: string },
): Promise<CommittedChange[]> {
  const rows = await queryText<CommitRow>(executor, {
    text: `
      select key, changed, existed, revision, value, ${microseconds('expires_at')}, made_by
      from ${names.of('commit')}((
        select coalesce(jsonb_agg(
          case when previous is null then jsonb_build_object('key', key)
            else jsonb_build_object('key', key, 'value', previous) end), '[]')
        from (
          select distinct on (key) key, previous from ${names.of('change')}
          where revision > $1 and ($2::text is null or key = $2) order by key, revision) as since
      ), $3, $4)`,
    values: [revision, key ?? null, author, origin],
  })
  return rows.map(parseCommit(origin))
}

function parseCommit(origin: string): (row: CommitRow) => CommittedChange {
  return ([key, changed, existed, revision, text, expiresUs, author]) => ({
    key,
    changed: changed === 't',
    existed: existed === 't',
    revision: Number(revision),
    text: text ?? undefined,
    expiresUs,
    author,
    origin,
  })
}
