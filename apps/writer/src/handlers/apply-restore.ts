import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import { ApplyRestoreResponseSchema, type ApplyRestoreRequest, type ApplyRestoreResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { timestampFromMicros } from '@qcore/model'
import { unknownRestore } from '../restore/open-restore.ts'
import { openConnection, type RestoreContext } from '../restore/restore-context.ts'
import { loadRestore } from '../restore/sql/restores.ts'

/** RestoreService.ApplyRestore. */
export async function* applyRestore(
  context: RestoreContext,
  { restoreId: id, expectedRevision }: ApplyRestoreRequest,
  call: HandlerContext,
): AsyncGenerator<ApplyRestoreResponse, void> {
  // Opened before the commits stop: they would wait for it too.
  await using opened = await openConnection(context)
  const { connection } = opened
  const row = await readDatabase(loadRestore(connection, id))
  if (row === undefined) throw unknownRestore(id)
  const { revision, timeUs, logId } =
    row.applied ??
    (await context.restores.apply({
      id,
      expectedRevision: expectedRevision === undefined ? undefined : Number(expectedRevision),
      caller: callerOf(call).subject,
      connection,
    }))
  yield create(ApplyRestoreResponseSchema, {
    revision: BigInt(revision),
    logId,
    ...(timeUs === 0 ? {} : { commitTime: timestampFromMicros(timeUs) }),
  })
}
