import { QError } from '@qcore/errors'
import type { HttpResponse } from '../http/exchange.ts'
import type { RateLimiter } from './rate-limiter.ts'

/**
 * Counts a call, and tells in headers what is left: those of draft-ietf-httpapi-ratelimit-headers, and those that were
 * common before.
 *
 * @throws QError `rate_limited`
 */
export function countCall(
  limiter: RateLimiter,
  { policy, key }: { policy: string; key: string },
  response: HttpResponse | undefined,
): void {
  const { allowed, remaining, retryAfterSeconds } = limiter.take(key)
  const { perSecond, burst } = limiter
  const windowSeconds = Math.max(1, Math.round(burst / perSecond))
  const resetSeconds = Math.max(1, retryAfterSeconds)
  response?.setHeader('ratelimit-policy', `"${policy}";q=${burst};w=${windowSeconds}`)
  response?.setHeader('ratelimit', `"${policy}";r=${remaining};t=${resetSeconds}`)
  response?.setHeader('x-ratelimit-limit', `${burst}`)
  response?.setHeader('x-ratelimit-remaining', `${remaining}`)
  response?.setHeader('x-ratelimit-reset', `${Math.ceil(Date.now() / 1_000) + resetSeconds}`)
  if (allowed) return
  response?.setHeader('retry-after', `${retryAfterSeconds}`)
  throw new QError('rate_limited', `more than ${perSecond} calls a second from one ${policy}`, {
    metadata: { retry_after_seconds: `${retryAfterSeconds}` },
  })
}
