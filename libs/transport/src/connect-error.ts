import { Code, ConnectError } from '@connectrpc/connect'
import { codeFromString } from '@connectrpc/connect/protocol-connect'
import { ErrorInfoSchema, type ErrorInfo } from '@qcore/contracts'
import { isErrorCode, QError, type ErrorCode } from '@qcore/errors'

/** The domain of our reasons in google.rpc.ErrorInfo. */
const errorDomain = 'qcore'

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
 * The error as it travels: a QError with its status and reason, a ConnectError as it is. Everything else is a fault,
 * whose text stays here: the caller learns `internal`.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  const known = error instanceof QError ? error : fromForeignError(error)
  const metadata = known.field === '' ? known.metadata : { ...known.metadata, field: known.field }
  const detail = { desc: ErrorInfoSchema, value: { reason: known.code, domain: errorDomain, metadata } }
  const code = codeFromString(known.status) ?? Code.Internal
  return new ConnectError(known.message, code, undefined, [detail], known)
}

/** The QError that a ConnectError was made from, on either side of the wire. */
export function fromConnectError(error: unknown): QError {
  if (error instanceof QError) return error
  if (!(error instanceof ConnectError)) return fromForeignError(error)
  if (error.cause instanceof QError) return error.cause
  const info = findReason(error)
  if (info === undefined) {
    return new QError(codeOfBareStatus[error.code] ?? 'internal', error.rawMessage, { cause: error })
  }
  const { field = '', ...metadata } = info.metadata
  // A server that is newer than this code may know reasons that it does not.
  const code = isErrorCode(info.reason) ? info.reason : (codeOfBareStatus[error.code] ?? 'internal')
  return new QError(code, error.rawMessage, { field, metadata, cause: error })
}

/** Whether an error tells what failed by a code of ours, and not just by a status. */
export function hasReason(error: ConnectError): boolean {
  return error.cause instanceof QError || findReason(error) !== undefined
}

function findReason(error: ConnectError): ErrorInfo | undefined {
  return error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === errorDomain)
}

function fromForeignError(error: unknown): QError {
  if (error instanceof Error && error.name === 'AbortError') {
    return new QError('canceled', 'the call was canceled', { cause: error })
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new QError('deadline_exceeded', 'the call took too long', { cause: error })
  }
  return new QError('internal', 'the service failed; its log has the cause', { cause: error })
}
