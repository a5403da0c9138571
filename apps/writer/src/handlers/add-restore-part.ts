import { create } from '@bufbuild/protobuf'
import { AddRestorePartResponseSchema, type AddRestorePartRequest, type AddRestorePartResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { unknownRestore } from '../restore/open-restore.ts'
import { keepSeconds, type RestoreContext } from '../restore/restore-context.ts'
import { insertPart, keepRestore } from '../restore/sql/restores.ts'

/** SQLSTATE: there is no such table. The file was read, and its parts are gone. */
const undefinedTable = '42P01'

/** RestoreService.AddRestorePart. */
export async function addRestorePart(
  { restorePool: pool }: RestoreContext,
  { restoreId: id, sequence, content }: AddRestorePartRequest,
): Promise<AddRestorePartResponse> {
  if ((await readDatabase(keepRestore(pool, id, keepSeconds))) === 0) throw unknownRestore(id)
  if (!(await insertNewPart(pool, { id, sequence, content }))) {
    throw new QError('invalid_request', `part ${sequence} was sent before, with other content`, { field: 'sequence' })
  }
  return create(AddRestorePartResponseSchema)
}

async function insertNewPart(
  pool: RestoreContext['restorePool'],
  part: { id: string; sequence: number; content: Uint8Array },
): Promise<boolean> {
  try {
    return await readDatabase(insertPart(pool, part))
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== undefinedTable) throw error
    throw new QError('restore_refused', 'the file was read already', { field: 'restore_id', cause: error })
  }
}
