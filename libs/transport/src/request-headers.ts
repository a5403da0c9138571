import { heartbeatHeader, windowBytesHeader, windowMessagesHeader, type StreamLimits } from './stream-frame.ts'
import { currentTraceparent } from './trace-context.ts'
import { contentTypeHeader, timeoutHeader, traceparentHeader, WireHeaders } from './wire-headers.ts'

/** What the transport says itself, whatever the caller says. */
const ownHeaders = new Set([contentTypeHeader.toLowerCase(), timeoutHeader.toLowerCase()])

/** Encodes the headers of requests, and those without anything special once. */
export class RequestHeaders {
  readonly #contentType: string
  #plain: { timeoutMs: number; headers: WireHeaders } | undefined

  constructor(contentType: string) {
    this.#contentType = contentType
  }

  encode(header: Headers | undefined, timeoutMs: number | undefined, limits?: StreamLimits): WireHeaders {
    const traceparent = currentTraceparent()
    if (header !== undefined || traceparent !== undefined || limits !== undefined || timeoutMs === undefined) {
      return new WireHeaders(this.#pairs(header, timeoutMs, limits))
    }
    if (this.#plain?.timeoutMs !== timeoutMs) {
      this.#plain = { timeoutMs, headers: new WireHeaders(this.#pairs(header, timeoutMs, limits)) }
    }
    return this.#plain.headers
  }

  *#pairs(
    header: Headers | undefined,
    timeoutMs: number | undefined,
    limits: StreamLimits | undefined,
  ): Generator<[name: string, value: string]> {
    yield [contentTypeHeader, this.#contentType]
    if (timeoutMs !== undefined) yield [timeoutHeader, `${timeoutMs}`]
    if (limits !== undefined) {
      yield [windowMessagesHeader, `${limits.windowMessages}`]
      yield [windowBytesHeader, `${limits.windowBytes}`]
      yield [heartbeatHeader, `${limits.heartbeatMs}`]
    }
    const traceparent = currentTraceparent()
    if (traceparent !== undefined && header?.has(traceparentHeader) !== true) yield [traceparentHeader, traceparent]
    if (header === undefined) return
    for (const [name, value] of header) if (!ownHeaders.has(name)) yield [name, value]
  }
}
