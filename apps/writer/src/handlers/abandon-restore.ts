import { create } from '@bufbuild/protobuf'
import { AbandonRestoreResponseSchema, type AbandonRestoreRequest, type AbandonRestoreResponse } from '@qcore/contracts'
import { readError, transact } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { openRestore } from '../restore/open-restore.ts'
import { openConnection, type RestoreContext } from '../restore/restore-context.ts'
import { deleteRestore, dropRestoreTables } from '../restore/sql/restores.ts'

/** RestoreService.AbandonRestore. */
export async function abandonRestore(
  context: RestoreContext,
  { restoreId: id }: AbandonRestoreRequest,
): Promise<AbandonRestoreResponse> {
  await using opened = await openConnection(context)
  const { connection } = opened
  try {
    await transact(connection, async () => {
      await openRestore(connection, id)
      await dropRestoreTables(connection, id)
      await deleteRestore(connection, id)
    })
  } catch (error) {
    if (!isQError(error, 'unknown_restore')) throw readError(error)
  }
  return create(AbandonRestoreResponseSchema)
}
