import type { Executor } from '@qcore/database'

export interface TaggedFilter {
  readonly namespace: string
  /** Only of these; undefined: of all. */
  readonly namespaces: readonly string[] | undefined
  /** Only with one of these; undefined: all. */
  readonly visibleTags: readonly string[] | undefined
  readonly tags: readonly string[]
  readonly matchAllTags: boolean
  /** Those to pause fire; those to resume are paused or disabled. */
  readonly change: 'pause' | 'resume'
  readonly limit: number
}

/** The ids of schedules that have tags, and that a change is for. */
export async function listTagged(
  executor: Executor,
  { namespace, namespaces, visibleTags, tags, matchAllTags, change, limit }: TaggedFilter,
): Promise<string[]> {
  const isFor = change === 'pause' ? 'state = 1' : `(state = 2 or state = 1 and disabled_reason <> '')`
  const { rows } = await executor.query<{ id: string }>(
    `select id from schedule
     where tags ${matchAllTags ? '?&' : '?|'} $1::text[] and ${isFor}
       and ($2 = '' or namespace = $2) and ($3::text[] is null or namespace = any($3))
       and ($4::text[] is null or tags ?| $4)
     order by id limit $5`,
    [tags, namespace, namespaces ?? null, visibleTags ?? null, limit],
  )
  return rows.map(({ id }) => id)
}
