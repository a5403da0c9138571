import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { ConnectError } from '@connectrpc/connect'
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import type { NatsConnection } from '@nats-io/transport-node'
import type { MessageCodec } from './message-codec.ts'
import { assertFits, maxPayloadBytes } from './payload-limit.ts'
import type { RunningCall } from './running-call.ts'
import { tryPublish } from './try-publish.ts'
import {
  contentTypeHeader,
  serviceErrorCodeHeader,
  serviceErrorHeader,
  trailerPrefix,
  WireHeaders,
} from './wire-headers.ts'

type Pair = readonly [name: string, value: string]

/** What is kept of the text of an error that is too large to be sent. */
const longestMessage = 200

/** Answers a unary call with a message. Throws `payload_too_large`. */
export function sendAnswer(
  connection: NatsConnection,
  call: RunningCall,
  codec: MessageCodec,
  message: MessageShape<DescMessage>,
): void {
  const body = codec.encode(call.endpoint.method.output, message)
  // Most answers have no header. One without a content type is in the encoding of its request.
  const headers = call.context.hasResponseHeaders ? new WireHeaders(answerHeaders(call)) : undefined
  assertFits(connection, headers?.bytes.length ?? 0, body.length)
  tryPublish(connection, call.replySubject, body, headers === undefined ? {} : { headers: headers.forNats() })
}

/**
 * Answers with an error: Connect's JSON as the body, and the two headers of the micro convention. What does not fit is
 * left out: first the headers of the call, then the details. Never throws.
 */
export function sendError(
  connection: NatsConnection,
  replySubject: string,
  error: ConnectError,
  call?: RunningCall,
): void {
  const sent =
    publishError(connection, replySubject, error, call === undefined ? [] : answerHeaders(call)) ||
    publishError(connection, replySubject, error, [])
  if (!sent) publishError(connection, replySubject, shortened(error), [])
}

function shortened(error: ConnectError): ConnectError {
  return new ConnectError(error.rawMessage.slice(0, longestMessage), error.code)
}

/** Whether it fitted. */
function publishError(connection: NatsConnection, subject: string, error: ConnectError, callHeaders: Pair[]): boolean {
  const headers = new WireHeaders([
    [contentTypeHeader, 'application/json'],
    [serviceErrorHeader, error.rawMessage.replaceAll(/[\r\n]+/g, ' ')],
    [serviceErrorCodeHeader, `${codeToHttpStatus(error.code)}`],
    ...callHeaders,
    // What came over the wire with an error was about another call.
    ...(error.isWireError ? [] : error.metadata),
  ])
  const body = errorToJsonBytes(error, undefined)
  if (headers.bytes.length + body.length > maxPayloadBytes(connection)) return false
  tryPublish(connection, subject, body, { headers: headers.forNats() })
  return true
}

function answerHeaders({ context }: RunningCall): Pair[] {
  if (!context.hasResponseHeaders) return []
  const pairs: Pair[] = [...context.responseHeader]
  for (const [name, value] of context.responseTrailer) pairs.push([`${trailerPrefix}${name}`, value])
  return pairs
}
