import { heartbeatHeader, windowBytesHeader, windowMessagesHeader, type StreamLimits } from './stream-frame.ts'
import { currentTraceparent } from './trace-context.ts'
import type { HeaderPair } from './header-block.ts'
import { contentTypeHeader, timeoutHeader, traceparentHeader, WireHeaders } from './wire-headers.ts'

/** What the transport says itself, whatever the caller says. */
const ownHeaders = new Set([contentTypeHeader.toLowerCase(), timeoutHeader.toLowerCase()])

/** Headers in any form that the fetch API takes. */
export type HeaderInit = ConstructorParameters<typeof Headers>[0]

/** Encodes the headers of requests, and those without anything special once. */
export class RequestHeaders {
  readonly #contentType: string
  #plain: { timeoutMs: number; headers: WireHeaders } | undefined
  #repeated: { pairs: HeaderPair[]; timeoutMs: number; headers: WireHeaders } | undefined

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

  /** Of a unary call. Callers mostly send the same few headers again, which are then not encoded again. */
  encodeUnary(header: HeaderInit, timeoutMs: number): WireHeaders {
    if (header === undefined) return this.encode(undefined, timeoutMs)
    if (!Array.isArray(header) || currentTraceparent() !== undefined) return this.encode(new Headers(header), timeoutMs)
    const last = this.#repeated
    if (last !== undefined && last.timeoutMs === timeoutMs && isSame(last.pairs, header)) return last.headers
    const headers = this.encode(new Headers(header), timeoutMs)
    // A copy: the caller may change its own.
    this.#repeated = { pairs: header.map(([name, value]) => [name, value]), timeoutMs, headers }
    return headers
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

function isSame(pairs: readonly HeaderPair[], others: readonly (readonly string[])[]): boolean {
  return (
    pairs.length === others.length &&
    pairs.every(([name, value], index) => others[index]?.[0] === name && others[index]?.[1] === value)
  )
}
