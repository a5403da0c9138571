import { isIP } from 'node:net'
import { AnswerReader, type HttpAnswer } from './answer-reader.ts'
import type { Connections } from './connections.ts'
import { EgressRefused, type EgressRules } from './egress-rules.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  /** Names and values; a name may be there several times. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
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
  signal.throwIfAborted()
  const { origin, hostname, pathname, search } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  // For an address nothing is looked up.
  if (isIP(host) !== 0 && !rules.allows(host)) throw new EgressRefused(host)
  const reader = new AnswerReader(signal)
  connections.dispatch({ origin, path: `${pathname}${search}`, method, headers: headers.flat(), body }, reader)
  return reader.read()
}
