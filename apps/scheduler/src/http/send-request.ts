import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Connections } from './connections.ts'
import type { EgressRules } from './egress-rules.ts'

/** The largest head of an answer. */
const mostHeaderBytes = 16_384
/** What is read of an answer's body; one that is longer is cut off. */
const mostBodyBytes = 65_536

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface HttpAnswer {
  readonly statusCode: number
  /** `Retry-After` as it was given. */
  readonly retryAfter: string | undefined
  /** The beginning of the body. */
  readonly text: string
}

/** The address is not one that requests may go to. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused'

  constructor(host: string) {
    super(`${host} is at an address that requests may not go to`)
  }
}

/** How requests are sent. */
export interface Sending {
  readonly rules: EgressRules
  readonly connections: Connections
}

/**
 * Sends a request. Every address that the name resolves to is checked when a connection is made, so that what is checked is
 * what is connected to. Redirects are answers like any other. Rejects with what went wrong.
 *
 * @param signal ends it, at whatever point it is
 */
export function sendRequest(
  request: HttpRequest,
  { rules, connections }: Sending,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const url = new URL(request.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // For an address nothing is looked up.
  if (isIP(host) !== 0 && !rules.allows(host)) return Promise.reject(new EgressRefused(host))
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  const send = protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const { method, headers, body } = request
    const sent: ClientRequest = send(url, {
      method,
      headers: { ...headers, 'content-length': String(body.length) },
      agent: connections.of(protocol),
      lookup: checkedLookup(rules),
      maxHeaderSize: mostHeaderBytes,
      signal,
    })
    const onClose = (): void => reject(new Error('the connection ended without an answer'))
    sent.once('error', (error) => {
      reject(signal.aborted && signal.reason instanceof Error ? signal.reason : error)
    })
    sent.once('close', onClose)
    // Nobody asked for another protocol: the connection is of no use, and the answer has no body.
    sent.once('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy()
      resolve({ statusCode, retryAfter: undefined, text: '' })
    })
    sent.once('response', (response) => {
      // The connection may end before all that came has been read.
      sent.off('close', onClose)
      readAnswer(response)
        .then(resolve, reject)
        .finally(() => {
          // What of the answer was not read is in the way of the next one.
          if (!response.complete) sent.destroy()
        })
    })
    sent.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= mostBodyBytes) break
  }
  const { statusCode = 0, headers } = response
  return { statusCode, retryAfter: headers['retry-after'], text: Buffer.concat(chunks).toString('utf8') }
}

function checkedLookup(rules: EgressRules): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) return callback(error ?? new Error(`${hostname} has no address`), '')
      if (!addresses.every(({ address }) => rules.allows(address))) return callback(new EgressRefused(hostname), '')
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
    })
  }
}
