import { Code, ConnectError } from '@connectrpc/connect'
import { errorFromJsonBytes } from '@connectrpc/connect/protocol-connect'
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { callUnary } from './unary-call.ts'
import {
  contentTypeHeader,
  readHeaders,
  serviceErrorCodeHeader,
  serviceErrorHeader,
  WireHeaders,
} from './wire-headers.ts'

export interface CallNatsOptions {
  connection: NatsConnection
  subject: string
  /** The message itself, in the encoding that the header Content-Type names (none: JSON). */
  body: Uint8Array
  headers: Iterable<readonly [name: string, value: string]> | MsgHdrs
  timeoutMs: number
  signal?: AbortSignal
  /** Whether the method changes nothing. Only decides between `unavailable` and `outcome_unknown`. */
  isRead?: boolean
}

export interface RawAnswer {
  body: Uint8Array
  contentType: string
  /** Without Content-Type; trailers keep their prefix `trailer-`. */
  headers: Headers
  /** What the server answered instead of a message; `body` is then the error as JSON. */
  error?: ConnectError
}

/**
 * Calls a unary method with bytes and returns bytes. Rejects with a QError if there was no answer: `no_responders`,
 * `deadline_exceeded`, `canceled`, `payload_too_large`, `unavailable`, `outcome_unknown`.
 */
export async function callNats(options: CallNatsOptions): Promise<RawAnswer> {
  const headers = new WireHeaders(headerPairs(options.headers))
  const { connection, subject, body, timeoutMs, signal, isRead = false } = options
  const message = await callUnary({ connection, subject, body, headers, timeoutMs, signal, isRead })
  const received = readHeaders(message.headers)
  const contentType = received.get(contentTypeHeader) ?? contentTypeSent(options.headers)
  received.delete(contentTypeHeader)
  const error = readError(message, received)
  return { body: message.data, contentType, headers: received, ...(error === undefined ? {} : { error }) }
}

/** The error that an answer is, if it is one. Takes the headers that mark it out of `headers`. */
export function readError(message: Msg, headers: Headers): ConnectError | undefined {
  if (!headers.has(serviceErrorCodeHeader)) return undefined
  const text = headers.get(serviceErrorHeader) ?? 'the service answered with an error'
  headers.delete(serviceErrorCodeHeader)
  headers.delete(serviceErrorHeader)
  const metadata = new Headers(headers)
  metadata.delete(contentTypeHeader)
  try {
    return errorFromJsonBytes(message.data, metadata, new ConnectError(text, Code.Unknown))
  } catch (error) {
    return ConnectError.from(error)
  }
}

function* headerPairs(headers: CallNatsOptions['headers']): Generator<readonly [string, string]> {
  for (const [name, value] of headers) {
    if (typeof value === 'string') yield [name, value]
    else for (const one of value) yield [name, one]
  }
}

/** An answer without a content type is in the encoding of its request. */
function contentTypeSent(headers: CallNatsOptions['headers']): string {
  for (const [name, value] of headerPairs(headers)) {
    if (name.toLowerCase() === 'content-type') return value
  }
  return 'application/json'
}
