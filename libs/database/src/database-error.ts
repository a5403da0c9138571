import { QError } from '@qcore/errors'
import { DatabaseError } from 'pg'

/**
 * Classes of SQLSTATE that say that the server cannot answer now: connection, conflicts of transactions, resources, locks,
 * operator, time-out.
 */
const passingClasses = ['08', '40', '53', '55', '57', '58']

/** `idle_in_transaction_session_timeout`: this process stood still, and its transaction was ended. */
const stoodStill = '25P03'

/** `character_not_in_repertoire`: PostgreSQL's text holds any character but U+0000. */
const badCharacter = '22021'

/**
 * What a reading statement's error is to a caller: `unavailable` if PostgreSQL cannot be reached or cannot answer now,
 * `invalid_request` if it was given text that it cannot hold, the error itself if the statement is wrong.
 */
export function readError(error: unknown): unknown {
  if (error instanceof QError) return error
  if (error instanceof DatabaseError && error.code === badCharacter) {
    return new QError('invalid_request', 'a text holds the character U+0000, which cannot be stored', { cause: error })
  }
  // What is not from the server is from the connection to it.
  const isPassing = !(error instanceof DatabaseError) || isPassingState(error.code ?? '')
  return isPassing ? new QError('unavailable', 'PostgreSQL cannot be read at the moment', { cause: error }) : error
}

function isPassingState(state: string): boolean {
  return state === stoodStill || passingClasses.includes(state.slice(0, 2))
}

/** Runs a reading statement; throws what `readError` makes of its errors. */
export async function readDatabase<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (error) {
    throw readError(error)
  }
}
