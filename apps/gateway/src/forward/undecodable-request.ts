import { Code, ConnectError } from '@connectrpc/connect'
import { codeToString } from '@connectrpc/connect/protocol-connect'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import type { ProtocolExchange } from './protocol-exchange.ts'

const encodingHeaders = ['grpc-encoding', 'connect-content-encoding']

/**
 * Whether Connect's handler answered a unary call although nothing of ours has seen or refused it. Compressed requests
 * are left to Connect: it may have refused their encoding or their size.
 */
export function isUndecodable({ code, request, kind }: ProtocolExchange, status: number): boolean {
  const isPlain = encodingHeaders.every((name) => (request.headers[name] ?? 'identity') === 'identity')
  return kind === 'call' && code === undefined && status === 200 && isPlain
}

/** A body in the place of one that cannot be decoded: Connect's handlers write its error in the caller's protocol. */
// oxlint-disable-next-line require-yield -- it has nothing but its error
export async function* undecodableBody(exchange: ProtocolExchange): AsyncGenerator<Uint8Array> {
  const error = toConnectError(new QError('invalid_request', 'the request is not a message of the method'))
  exchange.code = codeToString(error.code)
  throw error
}

/** The messages of a stream's request; one that cannot be decoded is the caller's fault, which Connect calls ours. */
export async function* decodableMessages<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.Internal) throw error
    throw new QError('invalid_request', error.rawMessage, { cause: error })
  }
}
