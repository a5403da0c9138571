import { isIP } from 'node:net'
import type { Connections } from './connections.ts'
import { EgressRefused, type EgressRules } from './egress-rules.ts'

/** What is read of an answer's body; one that is longer is cut off. */
const mostBodyBytes = 65_536

export interface HttpRequest {
  readonly method: string
  readonly url: string
  /** Names and values; a name may be there several times. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

export interface HttpAnswer {
  readonly statusCode: number
  /** `Retry-After` as it was given. */
  readonly retryAfter: string | undefined
  /** The beginning of the body. */
  readonly text: string
}

/** How requests are sent. */
export interface Sending {
  readonly rules: EgressRules
  readonly connections: Connections
}

/**
 * Sends a request. Redirects are answers like any other. Rejects with what went wrong.
 *
 * @param signal ends it, at whatever point it is
 */
export async function sendRequest(
  { url, method, headers, body }: HttpRequest,
  { rules, connections }: Sending,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { origin, hostname, pathname, search } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  // For an address nothing is looked up.
  if (isIP(host) !== 0 && !rules.allows(host)) throw new EgressRefused(host)
  const path = `${pathname}${search}`
  const answer = await connections.request({
    origin,
    path,
    method,
    headers: headers.flat(),
    body,
    signal,
  })
  const retryAfter = answer.headers['retry-after']
  return {
    statusCode: answer.statusCode,
    retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
    text: await beginningOf(answer.body),
  }
}

/** What is not read ends with its connection. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= mostBodyBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}
