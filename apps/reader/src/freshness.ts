import type { Consistency } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { Caller, LogFeed } from '@qcore/replica'
import { untilAborted } from '@qcore/service'
import type { ReaderContext } from './context.ts'

/**
 * Answers once the reader is as fresh as a request demands; at once if it is.
 *
 * @throws QError `invalid_request` if the past is asked for, `future_revision`, `log_replaced`, `deadline_exceeded`, `unavailable`
 */
export function whenFresh<T>(
  { replica, readLatestRevision }: Pick<ReaderContext, 'replica' | 'readLatestRevision'>,
  consistency: Consistency | undefined,
  caller: Caller,
  answer: () => T | Promise<T>,
): T | Promise<T> {
  const demand = consistency?.demand
  switch (demand?.case) {
    case 'atLeastRevision': {
      const revision = Number(demand.value)
      if (replica.feed.appliedRevision >= revision) return answer()
      return reached(replica.feed, revision, caller).then(answer)
    }
    case 'latest':
      if (!demand.value) return answer()
      return untilAborted(readLatestRevision(), caller.signal)
        .then((revision) => reached(replica.feed, revision, caller))
        .then(answer)
    case 'asOfRevision':
    case 'asOfTime':
      throw new QError('invalid_request', 'this method does not read the past', { field: 'consistency' })
    default:
      return answer()
  }
}

/** Waits for a revision. A restore replaces the history and goes on counting: what was before it has been reached too. */
async function reached(feed: LogFeed, revision: number, { signal }: Caller): Promise<void> {
  try {
    await feed.waitFor(revision, signal)
  } catch (error) {
    if (!isQError(error, 'log_replaced') || feed.appliedRevision < revision) throw error
  }
}
