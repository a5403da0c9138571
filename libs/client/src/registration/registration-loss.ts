import type { Delivery } from '@qcore/contracts'
import { isErrorCode, QError } from '@qcore/errors'

/** Ends of a registration after which it is made anew: the log has what came since. */
const madeAnewAfter: ReadonlySet<string> = new Set(['registration_expired', 'token_expired', 'unknown_registration'])

/** The registration was lost, and can be made anew. */
export class Lost extends Error {
  readonly error: QError

  constructor(error: QError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

/** What to throw for the end of a registration: that it can be made anew, or the error. */
export function lossOf(error: QError): Lost | QError {
  const code = error.code === 'registration_ended' ? (error.metadata['ended_code'] ?? error.code) : error.code
  if (madeAnewAfter.has(code)) return new Lost(error)
  return code === error.code || !isErrorCode(code) ? error : new QError(code, error.message, { cause: error })
}

/** Throws that for the last message of a registration. */
export function throwIfEnded({ event }: Delivery): void {
  if (event.case !== 'ended') return
  const { code, message } = event.value
  throw lossOf(new QError(isErrorCode(code) ? code : 'internal', message))
}
