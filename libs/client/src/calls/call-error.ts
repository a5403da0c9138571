import { Code, ConnectError } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import { fromConnectError, hasReason } from '@qcore/transport/connect-error'

/**
 * Statuses without a reason that leave open what was done: what fetch and the reading of a body throw when the
 * connection is refused or breaks, an answer cut short, and a proxy that had no answer to give.
 */
const lostStatuses: ReadonlySet<Code> = new Set([Code.Unknown, Code.DataLoss, Code.Unavailable])

/** What Node says of a connection that did not come about. Browsers do not tell. */
const notSentCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * The QError of a failed call.
 *
 * @param isRead whether the call changes nothing, so that a lost answer leaves nothing in doubt
 */
export function callError(error: unknown, isRead: boolean): QError {
  if (error instanceof QError) return error
  const isAnswer = error instanceof ConnectError && (hasReason(error) || !lostStatuses.has(error.code))
  return isAnswer ? fromConnectError(error) : lostAnswer(error, isRead)
}

function lostAnswer(error: unknown, isRead: boolean): QError {
  if (wasNotSent(error)) return new QError('unavailable', 'cannot connect; nothing was sent', { cause: error })
  return isRead
    ? new QError('unavailable', 'no answer: the connection failed', { cause: error })
    : new QError('outcome_unknown', 'no answer: the connection failed; the call may have been carried out', {
        cause: error,
      })
}

function wasNotSent(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) {
    if ('code' in cause && notSentCodes.has(cause.code)) return true
  }
  return false
}
