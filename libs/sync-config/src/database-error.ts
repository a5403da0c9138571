import { isQError, QError } from '@qcore/errors'
import { DatabaseError } from 'pg'
import { conditionFailedState, keyRefusedState, valueRefusedState } from './store/store-schema.ts'

/** Whether an error came from the server as the end of a statement, so that the connection can be used further. */
export function isStatementError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code !== undefined && !error.code.startsWith('57P')
}

/** What an error of connecting, or of a reading statement, is to a caller. */
export function readError(error: unknown): QError {
  if (isQError(error)) return error
  if (isStatementError(error)) return serverError(error)
  return new QError('unavailable', 'PostgreSQL cannot be reached; nothing was done', { cause: error })
}

/** The same of a statement that may have been carried out although it failed. */
export function writeError(error: unknown): QError {
  if (isQError(error) || isStatementError(error)) return readError(error)
  return new QError('outcome_unknown', 'the connection to PostgreSQL broke before it answered', { cause: error })
}

function serverError(error: DatabaseError): QError {
  const cause = error
  switch (error.code) {
    case conditionFailedState: {
      const { key, revision } = JSON.parse(error.detail ?? '{}') as { key: string; revision: number }
      const metadata = { key, revision: String(revision) }
      return new QError('condition_failed', `${key} is at revision ${revision}`, {
        field: 'ifRevision',
        metadata,
        cause,
      })
    }
    case keyRefusedState:
      return new QError('invalid_request', error.message, { field: 'key', cause })
    case valueRefusedState:
      return new QError('value_out_of_range', error.message, { field: 'value', cause })
    case '42501':
      return new QError('permission_denied', error.message, { cause })
    case '3F000':
    case '42P01':
    case '42883':
      return new QError('configuration', `the tables of the store are missing: ${error.message}`, { cause })
    default:
      return isPassing(error.code ?? '')
        ? new QError('unavailable', `PostgreSQL cannot do it at the moment; nothing was done: ${error.message}`, {
            cause,
          })
        : new QError('internal', error.message, { cause })
  }
}

/** Connections, resources, operator, locks, conflicts of transactions. */
function isPassing(state: string): boolean {
  return /^(08|25006|40|53|55|57|58)/.test(state)
}
