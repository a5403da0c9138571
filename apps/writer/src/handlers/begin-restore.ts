import { create } from '@bufbuild/protobuf'
import { BeginRestoreResponseSchema, type BeginRestoreRequest, type BeginRestoreResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { RestoreContext } from '../restore/restore-context.ts'
import { keepSeconds } from '../restore/restore-context.ts'
import { countRestores, createPartTable, insertRestore, loadRestore } from '../restore/sql/restores.ts'

/** Restores that are under way at a time: each takes room in PostgreSQL. */
const mostRestores = 8

/** RestoreService.BeginRestore. */
export async function beginRestore(
  { restorePool: pool }: RestoreContext,
  { restoreId: id, under }: BeginRestoreRequest,
): Promise<BeginRestoreResponse> {
  const known = await readDatabase(loadRestore(pool, id))
  if (known === undefined) {
    if ((await readDatabase(countRestores(pool))) >= mostRestores) {
      throw new QError('overloaded', `${mostRestores} restores are under way: apply or abandon one`)
    }
    await readDatabase(insertRestore(pool, { id, under, keepSeconds }))
  } else if (known.under !== under) {
    throw new QError('invalid_request', 'the id belongs to a restore of something else', { field: 'restore_id' })
  }
  // Afterwards its parts are not needed.
  if (known === undefined || known.staged === null) await readDatabase(createPartTable(pool, id))
  return create(BeginRestoreResponseSchema)
}
