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

  /**
   * @param lines further headers, as `headerLines` gives them
   * @throws QError `invalid_request` for a name or a value that would break the header block
   */
  constructor(pairs: HeaderPairs, lines = '') {
    this.bytes = Buffer.from(`NATS/1.0\r\n${headerLines(pairs)}${lines}\r\n`)
  }

  encode(): Uint8Array {
    return this.bytes
  }

  /** As the NATS client takes it. Building a MsgHdrs would cost five times as much. */
  forNats(): MsgHdrs {
    return this as unknown as MsgHdrs
  }
}

/**
 * Headers as lines, for what many messages have in common.
 *
 * @throws QError `invalid_request` for a name or a value that would break the header block
 */
export function headerLines(pairs: HeaderPairs): string {
  let lines = ''
  for (const [name, value] of pairs) {
    if (name === '' || name.includes(':') || lineBreak.test(name) || lineBreak.test(value)) {
      throw new QError('invalid_request', `header ${JSON.stringify(name)} cannot be sent`, { field: name })
    }
    lines += `${name}: ${value}\r\n`
  }
  return lines
}
