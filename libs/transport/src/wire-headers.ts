import type { MsgHdrs } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'

export const contentTypeHeader = 'Content-Type'
export const timeoutHeader = 'Connect-Timeout-Ms'
export const traceparentHeader = 'traceparent'
/** Of the micro convention (ADR-32): the two that mark an answer as an error. */
export const serviceErrorHeader = 'Nats-Service-Error'
export const serviceErrorCodeHeader = 'Nats-Service-Error-Code'
/** As in Connect over HTTP: how the trailers of a unary answer travel among its headers. */
export const trailerPrefix = 'trailer-'

export type HeaderPairs = Iterable<readonly [name: string, value: string]>

const lineBreak = /[\r\n]/

/** Headers that are encoded once. All that the NATS client asks of headers it sends is their bytes. */
export class WireHeaders {
  readonly bytes: Uint8Array

  /** Throws `invalid_request` for a name or a value that would break the header block. */
  constructor(pairs: HeaderPairs) {
    let block = 'NATS/1.0\r\n'
    for (const [name, value] of pairs) {
      if (name === '' || name.includes(':') || lineBreak.test(name) || lineBreak.test(value)) {
        throw new QError('invalid_request', `header ${JSON.stringify(name)} cannot be sent`, { field: name })
      }
      block += `${name}: ${value}\r\n`
    }
    this.bytes = Buffer.from(`${block}\r\n`)
  }

  encode(): Uint8Array {
    return this.bytes
  }

  /** As the NATS client takes it. Building a MsgHdrs would cost five times as much. */
  forNats(): MsgHdrs {
    return this as unknown as MsgHdrs
  }
}

/** The headers that were received. */
export function readHeaders(received: MsgHdrs | undefined): Headers {
  const headers = new Headers()
  if (received === undefined) return headers
  for (const [name, values] of received) {
    for (const value of values) appendHeader(headers, name, value)
  }
  return headers
}

/** NATS allows more in a header than HTTP does; what HTTP cannot carry is for others. */
function appendHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value)
  } catch {
    headers.delete(name)
  }
}

/** Takes the trailers out of the headers of a unary answer. */
export function takeTrailers(headers: Headers): Headers {
  const trailers = new Headers()
  for (const [name, value] of headers) {
    if (name.startsWith(trailerPrefix)) trailers.append(name.slice(trailerPrefix.length), value)
  }
  for (const name of trailers.keys()) headers.delete(`${trailerPrefix}${name}`)
  return trailers
}

/** The headers and trailers of a unary answer as they travel. */
export function* answerHeaders(headers: Headers, trailers: Headers): Generator<readonly [string, string]> {
  yield* headers
  for (const [name, value] of trailers) yield [`${trailerPrefix}${name}`, value]
}

/** `Connect-Timeout-Ms`, milliseconds. Throws `invalid_request`. */
export function readTimeoutMs(headers: Headers): number | undefined {
  const text = headers.get(timeoutHeader)
  if (text === null) return undefined
  if (!/^\d{1,10}$/.test(text)) {
    throw new QError('invalid_request', `${timeoutHeader} is not a number of milliseconds: ${text}`, {
      field: timeoutHeader,
    })
  }
  return Number(text)
}
