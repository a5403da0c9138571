import { nextRecords, type LogRecord } from '@qcore/replica'
import { commitEffect, type CommitEffect } from './commit-effect.ts'
import type { Walk, WalkSources } from './walk-changes.ts'

/** Pages of the log, of 2,000 commits, that are looked through for one answer. */
const mostPages = 20

/**
 * What commits did to an entity, the oldest first: by looking through the log. Ends after a part of it; gives the last
 * revision that was looked at.
 */
export async function* scanChanges({ pool, signal }: WalkSources, walk: Walk): AsyncGenerator<CommitEffect, number> {
  const { range } = walk
  let last = range.from - 1
  for (let page = 0; page < mostPages && last < range.to && !signal.aborted; page++) {
    for (const record of await nextRecords(pool, last)) {
      if (record.revision > range.to) return range.to
      const effect = effectInLife(record, walk)
      last = record.revision
      if (effect !== undefined) yield effect
    }
  }
  return last
}

/** What a commit did to the entity that had the id then. */
export function effectInLife(record: LogRecord, { subject, incarnations }: Walk): CommitEffect | undefined {
  const alive = incarnations.find(
    ({ createdRevision, deletedRevision }) =>
      createdRevision <= record.revision && (deletedRevision === null || record.revision <= deletedRevision),
  )
  return alive === undefined ? undefined : commitEffect(record, { ...subject, type: alive.type })
}
