import { readDatabase, readHead, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'

/** The revisions that a listing goes over, both included. */
export interface HistoryRange {
  readonly from: number
  readonly to: number
  /** Where the log begins. */
  readonly oldestRevision: number
}

/**
 * The revisions that a request asks for, checked against the log.
 *
 * @throws QError `compacted`, `future_revision`, `invalid_request`, `unavailable`
 */
export async function historyRange(
  pool: Executor,
  { fromRevision, toRevision }: { fromRevision: bigint; toRevision: bigint },
): Promise<HistoryRange> {
  const { revision, oldestRevision } = await readDatabase(readHead(pool))
  const to = toRevision === 0n ? revision : Number(toRevision)
  const from = fromRevision === 0n ? oldestRevision : Number(fromRevision)
  if (fromRevision !== 0n && toRevision !== 0n && from > to) {
    throw new QError('invalid_request', 'from_revision is greater than to_revision', { field: 'from_revision' })
  }
  if (to > revision) throw future(to, revision, 'to_revision')
  if (from > revision + 1) throw future(from, revision, 'from_revision')
  if (from < oldestRevision) throw compacted(from, oldestRevision, 'from_revision')
  if (toRevision !== 0n && to < oldestRevision) throw compacted(to, oldestRevision, 'to_revision')
  return { from, to, oldestRevision }
}

function future(revision: number, newest: number, field: string): QError {
  return new QError('future_revision', `revision ${revision} was not committed yet; the newest is ${newest}`, {
    field,
    metadata: { newest_revision: `${newest}` },
  })
}

function compacted(revision: number, oldest: number, field: string): QError {
  return new QError('compacted', `the log holds revision ${revision} no longer: it begins with ${oldest}`, {
    field,
    metadata: { oldest_revision: `${oldest}` },
  })
}
