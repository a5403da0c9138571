import { QError } from '@qcore/errors'
import type { WriterContext } from '../context.ts'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { announceHistory } from '../relay/announce-history.ts'
import { appliedRestores } from '../writer-metrics.ts'
import { applyRestore, DeposedWriter, UncertainRestore } from './apply-restore.ts'
import type { PendingRestore } from './restore-desk.ts'
import { dropRestoreTables, type AppliedFacts } from './sql/restores.ts'

/**
 * Applies a restore between two groups of commits, and answers. Returns whether the term goes on, with what the store
 * holds then.
 */
export async function carryOutRestore(
  context: WriterContext,
  term: LeaseTerm,
  { restore, stop }: { restore: PendingRestore; stop: AbortSignal },
): Promise<boolean> {
  const { config, committer, logKeeper, logger, connection: nats } = context
  const { id, connection, caller, expectedRevision } = restore
  const startedMs = performance.now()
  // A stop does not wait for it: nothing is half done.
  const onStop = (): void => void connection.end()
  stop.addEventListener('abort', onStop, { once: true })
  try {
    await logKeeper.ensureRoom(committer.revision + 1)
    const applied = await term.whileHeld((onRenewing) =>
      applyRestore(connection, {
        id,
        expectedRevision,
        caller,
        epoch: term.epoch,
        revision: committer.revision,
        timeUs: term.clock.now(),
        leaseMs: config.leaseMs,
        onRenewing,
      }),
    )
    if (applied.revision > committer.revision) {
      appliedRestores.inc()
      announceHistory(nats, config.store, applied)
      logger.info({ ...applied, restore: id, tookMs: performance.now() - startedMs }, 'a restore was applied')
      await dropQuietly(context, id)
    }
    restore.settle(applied)
    return !term.signal.aborted
  } catch (error) {
    logger.warn({ err: error, restore: id }, 'a restore was not applied')
    restore.settle(outcomeOf(error))
    if (error instanceof UncertainRestore) term.end('closed')
    if (error instanceof DeposedWriter) term.end('deposed')
    return !term.signal.aborted
  } finally {
    stop.removeEventListener('abort', onStop)
  }
}

function outcomeOf(error: unknown): AppliedFacts | QError {
  if (error instanceof QError) return error
  if (error instanceof UncertainRestore) return new QError('outcome_unknown', `${error.message}; apply it again`)
  if (error instanceof DeposedWriter) return new QError('not_leader', 'another writer has taken over')
  return new QError('internal', 'the writer failed; its log has the cause', { cause: error })
}

/** What is left behind is dropped when its time is over. */
async function dropQuietly({ pool, logger }: WriterContext, id: string): Promise<void> {
  try {
    await dropRestoreTables(pool, id)
  } catch (error) {
    logger.warn({ err: error, restore: id }, 'cannot drop the tables of a restore yet')
  }
}
