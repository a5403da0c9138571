import { toBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema } from '@qcore/contracts'
import { readError, readHead, storeFormerSchemas, storeSchemas, type Executor } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { assertWithoutProblems, compareRestore, type Comparison } from './compare-restore.ts'
import { openRestore } from './open-restore.ts'
import {
  beginHistory,
  deleteEntities,
  deleteFields,
  deleteReferences,
  deleteTypes,
  holdHead,
  insertReferences,
  writeCleared,
  writeEntities,
  writeFields,
} from './sql/apply.ts'
import { storeApplied, type AppliedFacts } from './sql/restores.ts'

export interface ApplyOptions {
  readonly id: string
  readonly expectedRevision: number | undefined
  /** Who restores. */
  readonly caller: string
  readonly epoch: number
  /** The head as it must be. */
  readonly revision: number
  /** Microseconds. */
  readonly timeUs: number
  readonly leaseMs: number
  /** Told when, on the clock of `performance.now()`, the statement was sent that renews the lease. */
  readonly onRenewing: (sentMs: number) => void
}

/** Whether the restore was applied is not known: PostgreSQL did not say. */
export class UncertainRestore extends Error {
  override readonly name = 'UncertainRestore'
}

/** Another writer has the lease. */
export class DeposedWriter extends Error {
  override readonly name = 'DeposedWriter'
}

/**
 * Makes the store what a restore says: one transaction, which holds the head row from the beginning, so that nobody else
 * can take the lease or commit meanwhile. It gives the store another history.
 *
 * @throws QError if nothing was changed; `UncertainRestore`; `DeposedWriter`
 */
export async function applyRestore(connection: Executor, options: ApplyOptions): Promise<AppliedFacts> {
  let applied: AppliedFacts
  try {
    await connection.query('begin')
    // If this process stops in between, PostgreSQL gives the head row to another writer.
    await connection.query(`set local idle_in_transaction_session_timeout = ${options.leaseMs}`)
    applied = await change(connection, options)
    if (applied.timeUs === 0 || applied.revision <= options.revision) {
      await connection.query('rollback')
      return applied
    }
  } catch (error) {
    await connection.query('rollback').catch(() => undefined)
    throw isQError(error) || error instanceof DeposedWriter ? error : asUnavailable(error)
  }
  try {
    await connection.query('commit')
  } catch (error) {
    throw new UncertainRestore('PostgreSQL did not say whether the restore was applied', { cause: error })
  }
  return applied
}

async function change(connection: Executor, options: ApplyOptions): Promise<AppliedFacts> {
  const { id, expectedRevision, epoch, revision: head, timeUs, leaseMs, onRenewing } = options
  const { staged, applied } = await openRestore(connection, id)
  if (applied !== null) return applied
  if (staged === null) throw new QError('restore_refused', 'the restore was not planned', { field: 'restore_id' })
  const revision = await holdHead(connection, { epoch, revision: head })
  if (revision === undefined) throw new DeposedWriter()
  if (expectedRevision !== undefined && expectedRevision !== head) {
    throw new QError('condition_failed', `the store has moved on to revision ${head}: plan again`, {
      field: 'expected_revision',
    })
  }
  const comparison = await compareRestore(connection, id, staged)
  assertWithoutProblems(comparison)
  const changes = await write(connection, comparison, { ...options, revision })
  if (changes === 0) return { revision: head, timeUs: 0, logId: (await readHead(connection)).logId }
  onRenewing(performance.now())
  const { logId } = await beginHistory(connection, { nextFieldId: comparison.types.nextFieldId, leaseMs })
  const facts = { revision, timeUs, logId }
  await storeApplied(connection, id, facts)
  return facts
}

/** Writes all that differs. Returns how many rows that were. */
async function write(
  connection: Executor,
  { scope, types, depth }: Comparison,
  { revision, timeUs, caller }: { revision: number; timeUs: number; caller: string },
): Promise<number> {
  const deleted = types.changes.flatMap(({ current, restored }) =>
    restored === undefined ? [current?.type ?? ''] : [],
  )
  const stored = types.changes.flatMap(({ restored }) => restored ?? [])
  for (const schema of stored) schema.revision = BigInt(revision)
  const schemas = stored.map((schema) => ({
    type: schema.type,
    schema: toBinary(TypeSchemaSchema, schema),
    revision,
  }))
  const former = types.changes.flatMap(({ current }) => {
    if (current === undefined) return []
    const schema = toBinary(TypeSchemaSchema, current)
    return [{ type: current.type, schema, sinceRevision: Number(current.revision) }]
  })
  let changes = types.changes.length
  if (former.length > 0) await storeFormerSchemas(connection, former, revision)
  if (deleted.length > 0) await deleteTypes(connection, deleted)
  if (schemas.length > 0) await storeSchemas(connection, schemas)
  await deleteReferences(connection, scope)
  changes += await deleteFields(connection, scope)
  changes += await deleteEntities(connection)
  changes += await writeEntities(connection, scope, { revision, depth })
  changes += await writeFields(connection, scope, revision)
  changes += await writeCleared(connection, { revision, timeUs, writer: caller })
  await insertReferences(connection, scope)
  return changes
}

function asUnavailable(error: unknown): QError {
  const cause = readError(error)
  return isQError(cause)
    ? cause
    : new QError('unavailable', 'PostgreSQL refused the restore; nothing was changed', { cause })
}
