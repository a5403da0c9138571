import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorInfoSchema } from '@qcore/contracts'
import { isErrorCode, QError, type ErrorCode } from '@qcore/errors'

/** What a status means that comes without a reason: from a proxy, or from a foreign server. */
const codeOfBareStatus: Partial<Record<Code, ErrorCode>> = {
  [Code.Canceled]: 'canceled',
  [Code.InvalidArgument]: 'invalid_request',
  [Code.DeadlineExceeded]: 'deadline_exceeded',
  [Code.PermissionDenied]: 'permission_denied',
  [Code.ResourceExhausted]: 'overloaded',
  [Code.Unimplemented]: 'unknown_method',
  [Code.Unavailable]: 'unavailable',
  [Code.Unauthenticated]: 'unauthenticated',
}

/**
 * The QError of a failed call.
 *
 * @param isRead whether the call changes nothing, so that a lost answer leaves nothing in doubt
 */
export function callError(error: unknown, isRead: boolean): QError {
  if (error instanceof QError) return error
  if (!(error instanceof ConnectError)) return lostAnswer(error, isRead)
  if (error.cause instanceof QError) return error.cause
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === 'qcore')
  if (info !== undefined) {
    const { field = '', ...metadata } = info.metadata
    // A server that is newer than this code may know reasons that it does not.
    const code = isErrorCode(info.reason) ? info.reason : (codeOfBareStatus[error.code] ?? 'internal')
    return new QError(code, error.rawMessage, { field, metadata, cause: error })
  }
  // What fetch and the reading of a body throw when the connection is refused or breaks, and an answer cut short.
  if (error.code === Code.Unknown || error.code === Code.DataLoss) return lostAnswer(error, isRead)
  return new QError(codeOfBareStatus[error.code] ?? 'internal', error.rawMessage, { cause: error })
}

function lostAnswer(error: unknown, isRead: boolean): QError {
  return isRead
    ? new QError('unavailable', 'no answer: the connection failed', { cause: error })
    : new QError('outcome_unknown', 'no answer: the connection failed; the call may have been carried out', {
        cause: error,
      })
}
