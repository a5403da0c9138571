import type { Problem } from '@qcore/contracts'
import { isErrorCode, QError } from '@qcore/errors'

/** The error that a problem in an answer is. A code that this version does not know is `internal`. */
export function errorFromProblem({ code, message, field }: Problem): QError {
  return new QError(isErrorCode(code) ? code : 'internal', message, { field })
}
