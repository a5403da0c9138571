import { cors as connectCors } from '@connectrpc/connect'
import type { HttpRequest, HttpResponse } from './exchange.ts'

/** How long a browser may remember the answer, in seconds: the most that Chromium accepts. */
const maxAgeSeconds = '7200'

const allowedHeaders = [
  ...connectCors.allowedHeaders,
  'authorization',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'traceparent',
].join(', ')
const limitHeaders = ['retry-after', 'ratelimit', 'ratelimit-policy']
const seedLimitHeaders = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']
const pageHeaders = ['etag', 'link', 'x-total-count', 'x-request-id']
const exposedHeaders = [...connectCors.exposedHeaders, ...limitHeaders, ...seedLimitHeaders, ...pageHeaders].join(', ')
const allowedMethods = [...connectCors.allowedMethods, 'PUT', 'DELETE'].join(', ')

/**
 * Tells browsers whether a page of another origin may call. Returns whether that was all that was asked (a preflight).
 * Tokens of calls travel in a header that pages set themselves, never in cookies, so nothing else is needed against forgery.
 */
export function answerCors(origins: readonly string[], request: HttpRequest, response: HttpResponse): boolean {
  const { origin } = request.headers
  if (origin === undefined) return false
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
  response.setHeader('vary', 'origin')
  if (origins.includes('*') || origins.includes(origin)) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-expose-headers', exposedHeaders)
    if (isPreflight) {
      response.setHeader('access-control-allow-methods', allowedMethods)
      response.setHeader('access-control-allow-headers', [allowedHeaders, ...customHeaders(request)].join(', '))
      response.setHeader('access-control-max-age', maxAgeSeconds)
    }
  }
  if (isPreflight) response.writeHead(204).end()
  return isPreflight
}

/** The headers that are passed on to the services, whatever they are, and those of CloudEvents. */
function customHeaders(request: HttpRequest): string[] {
  const asked = request.headers['access-control-request-headers'] ?? ''
  return asked.split(/[ ,]+/).filter((name) => /^(x|ce)-[a-z0-9-]+$/i.test(name))
}
