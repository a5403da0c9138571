import { setTimeout as delay } from 'node:timers/promises'
import { endEpoch, loadLogRevisions, loadRequests, type Executor } from '@qcore/database'
import { untilAborted, type Logger } from '@qcore/service'
import type { PreparedGroup } from './prepare-group.ts'

/** Time between attempts to reach PostgreSQL. */
const retryMs = 100

/** Whether a group whose reply was lost is in the store. */
export type Outcome = 'committed' | 'not_committed' | 'unknown'

/**
 * Finds out whether a group was committed. Ends its epoch first: what was not committed by then never will be. Then the
 * log, or the table of idempotency keys, tells.
 *
 * @param signal gives up: the outcome is then unknown
 */
export async function resolveOutcome(
  executor: Executor,
  group: PreparedGroup,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<Outcome> {
  while (!signal.aborted) {
    try {
      await untilAborted(endEpoch(executor, group.start.epoch), signal)
      const stored = await untilAborted(isStored(executor, group), signal)
      return stored ? 'committed' : 'not_committed'
    } catch (error) {
      logger.warn({ err: error }, 'cannot find out yet whether the last group was committed')
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return 'unknown'
}

async function isStored(executor: Executor, { start, toRevision, answers }: PreparedGroup): Promise<boolean> {
  if (toRevision > start.revision) {
    const [record] = await loadLogRevisions(executor, [start.revision + 1])
    return record !== undefined && Number(record.epoch) === start.epoch
  }
  // A group without a revision changed nothing; all that it stored are idempotency keys.
  const rows = await loadRequests(executor, [...answers.keys()])
  return rows.length === answers.size
}
