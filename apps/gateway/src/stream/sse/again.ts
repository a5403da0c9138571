import type { ErrorCode } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { HttpRequest } from '../../http/exchange.ts'

/** When a browser that lost its connection connects again, in milliseconds. */
export const retryMs = 1_000

/** What may be over when a client asks again. */
const passingCodes: ReadonlySet<ErrorCode> = new Set([
  'unavailable',
  'no_responders',
  'overloaded',
  'rate_limited',
  'deadline_exceeded',
])

/**
 * Whether a request is a browser's that comes again, and what refuses it may be over when it comes once more. An answer with
 * a status would keep it from that (HTML Living Standard, 9.2: every status but 200 fails the connection for good).
 */
export function shouldComeAgain(request: HttpRequest, error: unknown): boolean {
  return (request.headers['last-event-id'] ?? '') !== '' && passingCodes.has(fromConnectError(error).code)
}
