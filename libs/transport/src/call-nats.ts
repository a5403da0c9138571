import { appendHeaders, Code, ConnectError } from '@connectrpc/connect'
import { errorFromJsonBytes } from '@connectrpc/connect/protocol-connect'
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import type { ReceivedHeaders } from './received-headers.ts'
import { callUnary } from './unary-call.ts'
import { WireHeaders } from './wire-headers.ts'

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
  /** Without Content-Type. Made when it is asked for. */
  readonly headers: Headers
  /** Made when it is asked for. */
  readonly trailers: Headers
  /** Whether there are headers or trailers. */
  hasHeaders: boolean
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
  const { headers: received, body: answerBody } = await callUnary({
    connection,
    subject,
    body,
    headers,
    timeoutMs,
    signal,
    isRead,
  })
  const contentType = received.get('content-type') ?? contentTypeSent(options.headers)
  const error = readError(received, answerBody)
  return {
    body: answerBody,
    contentType,
    // Most answers have none, and most callers do not ask.
    get headers() {
      return received.answerHeaders()
    },
    get trailers() {
      return received.answerTrailers()
    },
    hasHeaders: received.hasAnswerHeaders,
    ...(error === undefined ? {} : { error }),
  }
}

/** The error that an answer is, if it is one. Its metadata are the headers and the trailers. */
export function readError(received: ReceivedHeaders, body: Uint8Array): ConnectError | undefined {
  if (received.get('nats-service-error-code') === undefined) return undefined
  const text = received.get('nats-service-error') ?? 'the service answered with an error'
  const metadata = appendHeaders(received.answerHeaders(), received.answerTrailers())
  try {
    return errorFromJsonBytes(body, metadata, new ConnectError(text, Code.Unknown))
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
