import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { SaveSnapshotResponseSchema, type SaveSnapshotResponse } from '@qcore/contracts'
import { beginSnapshot, readDatabase, readError } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { ReaderContext } from '../context.ts'
import { writeSnapshot } from '../snapshot/write-snapshot.ts'

/** How long a caller may take for one piece: a transaction that is left open keeps PostgreSQL from cleaning up. */
const idleMs = 60_000

/**
 * Sends a snapshot, as one transaction that sees one revision.
 *
 * @throws QError `overloaded`, `too_slow`, `unavailable`
 */
export async function* saveSnapshot(
  { config, snapshots, logger }: Pick<ReaderContext, 'config' | 'snapshots' | 'logger'>,
  call: Pick<HandlerContext, 'signal'>,
): AsyncGenerator<SaveSnapshotResponse, void> {
  if (snapshots.totalCount - snapshots.idleCount >= snapshots.options.max) {
    throw new QError('overloaded', `this reader makes ${snapshots.options.max} snapshots at a time`)
  }
  const connection = await readDatabase(snapshots.connect())
  let lost: Error | undefined
  const onError = (error: Error): void => {
    lost = error
  }
  connection.on('error', onError)
  let isDone = false
  try {
    await beginSnapshot(connection, idleMs)
    for await (const { revision, content } of writeSnapshot(connection, config.store)) {
      if (call.signal.aborted) return
      yield create(SaveSnapshotResponseSchema, { revision: BigInt(revision), content })
    }
    await connection.query('commit')
    isDone = true
  } catch (error) {
    logger.warn({ err: lost ?? error }, 'a snapshot was not finished')
    throw isTimeout(lost) ? new QError('too_slow', 'the snapshot was not read for a minute') : readError(lost ?? error)
  } finally {
    // Closing it ends the transaction, whatever it is doing.
    connection.release(!isDone)
    connection.off('error', onError)
  }
}

/** Whether PostgreSQL ended a transaction that was idle for too long. */
function isTimeout(error: Error | undefined): boolean {
  return error !== undefined && 'code' in error && error.code === '25P03'
}
