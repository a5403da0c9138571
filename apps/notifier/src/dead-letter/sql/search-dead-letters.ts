import type { DeadLetterReason } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import { deadLetterConditions, isVisible, type DeadLetterSearch } from './dead-letter-conditions.ts'
import { deadLetterColumns, type DeadLetterRow } from './dead-letter-row.ts'

/** Bytes of a page beyond its first letter: it has to fit into a message, also as JSON. */
const mostBytes = 200_000
const factsBytes = 1_024

/** A page of dead letters, the newest first, after one of them; `isCut`: there are more. */
export async function searchDeadLetters(
  executor: Executor,
  search: DeadLetterSearch,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<{ rows: DeadLetterRow[]; isCut: boolean }> {
  const values: unknown[] = []
  const conditions = deadLetterConditions(search, values)
  const after = before === undefined ? '' : `and id < $${values.push(before)}`
  const { rows } = await executor.query<DeadLetterRow & { bytesBefore: number }>({
    text: `
      select ${deadLetterColumns},
        sum(octet_length(payload) + octet_length(error) + ${factsBytes}) over (order by id desc)
          - octet_length(payload) - octet_length(error) as "bytesBefore"
      from (select * from dead_letter where ${conditions} ${after} order by id desc limit $${values.push(limit + 1)}) dead_letter
      order by id desc`,
    values,
  })
  const page = rows.slice(0, limit).filter(({ bytesBefore }, index) => index === 0 || bytesBefore < mostBytes)
  return { rows: page, isCut: page.length < rows.length }
}

/** A dead letter, if whoever is limited to tags sees it. */
export async function loadDeadLetter(
  executor: Executor,
  { namespace, id }: { namespace: string; id: number },
  visibleTags?: readonly string[],
): Promise<DeadLetterRow | undefined> {
  const { rows } = await executor.query<DeadLetterRow>({
    name: 'load_dead_letter',
    text: `
      select ${deadLetterColumns} from dead_letter
      where namespace = $1 and id = $2 and ($3::text[] is null or ${isVisible('$3')})`,
    values: [namespace, id, visibleTags ?? null],
  })
  return rows[0]
}

export interface DeadLetterKindRow {
  readonly fingerprint: string
  readonly group: string
  readonly type: string
  readonly reason: DeadLetterReason
  readonly error: string
  readonly count: number
  readonly firstUs: number
  readonly lastUs: number
}

/** Dead letters by what they died of, the most frequent first, with the error of the newest. */
export async function groupDeadLetters(
  executor: Executor,
  search: DeadLetterSearch,
  limit: number,
): Promise<DeadLetterKindRow[]> {
  const values: unknown[] = []
  const conditions = deadLetterConditions(search, values)
  const { rows } = await executor.query<DeadLetterKindRow>({
    text: `
      with kind as materialized (
        select fingerprint, group_name, type, reason, count(*) as count, max(id) as newest_id,
          (extract(epoch from min(died_at)) * 1000000)::bigint as first_us,
          (extract(epoch from max(died_at)) * 1000000)::bigint as last_us
        from dead_letter where ${conditions}
        group by fingerprint, group_name, type, reason
        order by count(*) desc, fingerprint, group_name, type limit $${values.push(limit)}
      )
      select kind.fingerprint, kind.group_name as "group", kind.type, kind.reason, left(newest.error, 500) as error,
        kind.count, kind.first_us as "firstUs", kind.last_us as "lastUs"
      from kind join dead_letter newest on newest.id = kind.newest_id
      order by kind.count desc, kind.fingerprint, kind.group_name, kind.type`,
    values,
  })
  return rows
}

/** How many dead letters there are, up to a number. */
export async function countDeadLetters(executor: Executor, search: DeadLetterSearch, most: number): Promise<number> {
  const values: unknown[] = []
  const conditions = deadLetterConditions(search, values)
  const { rows } = await executor.query<{ count: number }>({
    text: `select count(*) as count from (select from dead_letter where ${conditions} limit $${values.push(most)}) found`,
    values,
  })
  return rows[0]?.count ?? 0
}
