import { counter, gauge, histogram } from '@qcore/service'
import type { PreparedGroup } from './commit/prepare-group.ts'

const commits = counter('qcore_writer_commits_total', 'Commits answered, by outcome.', ['outcome'])
const revisions = counter('qcore_writer_revisions_total', 'Revisions made.')
const groupSize = histogram(
  'qcore_writer_group_commits',
  'Commits of a group.',
  [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
)

/** Commits that wait. */
export const queueLength = gauge('qcore_writer_queue_commits', 'Commits that wait for the next group.')

/** Groups that PostgreSQL refused because another writer had taken over. */
export const fencedGroups = counter('qcore_writer_fenced_total', 'Groups refused because another writer has the lease.')

/** Restores that were applied. */
export const appliedRestores = counter('qcore_writer_restores_total', 'Restores applied.')

/** Whether this writer leads. */
export const leads = gauge('qcore_writer_leader', '1 while this writer leads, otherwise 0.')

/** Counts a group that was committed. */
export function countGroup({ start, toRevision, settlements }: PreparedGroup): void {
  revisions.inc(toRevision - start.revision)
  groupSize.observe(settlements.length)
  let refused = 0
  for (const { outcome } of settlements) if (outcome instanceof Error) refused++
  if (refused > 0) commits.inc({ outcome: 'refused' }, refused)
  commits.inc({ outcome: 'committed' }, settlements.length - refused)
}

const storeSeconds = histogram(
  'qcore_writer_store_seconds',
  'Time that PostgreSQL takes for a group.',
  [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
)

/** Counts a group that was in PostgreSQL for so long. */
export function observeStore(durationMs: number): void {
  storeSeconds.observe(durationMs / 1_000)
}
