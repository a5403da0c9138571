import { QError } from '@qcore/errors'
import { DatabaseError } from 'pg'
import { readDatabase, readError } from './database-error.ts'
import type { Executor, Pool } from './pool.ts'

/** PostgreSQL ends the connection, maybe with what it had carried out already. */
const endingClass = '57P'

/** Whether PostgreSQL answered so: the statement was not carried out, and the connection can be used further. */
function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && error.code !== undefined && !error.code.startsWith(endingClass)
}

/**
 * What a changing statement's error is to a caller: what `readError` makes of it, but `outcome_unknown` if the connection
 * broke before PostgreSQL had answered.
 */
export function writeError(error: unknown): unknown {
  if (error instanceof QError || isAnswer(error)) return readError(error)
  return new QError('outcome_unknown', 'the connection to PostgreSQL broke before it had answered', { cause: error })
}

/** Runs what changes something, on a connection of its own; throws what `writeError` makes of its errors. */
export async function writeDatabase<T>(pool: Pool, write: (connection: Executor) => Promise<T>): Promise<T> {
  const connection = await readDatabase(pool.connect())
  let isLost = false
  try {
    return await write(connection)
  } catch (error) {
    isLost = !(error instanceof QError) && !isAnswer(error)
    throw writeError(error)
  } finally {
    connection.release(isLost)
  }
}
