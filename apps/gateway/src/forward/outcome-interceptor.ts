import type { HandlerContext, Interceptor } from '@connectrpc/connect'
import { codeToString } from '@connectrpc/connect/protocol-connect'
import { toConnectError } from '@qcore/transport'
import type { Forwarding } from './byte-forwarder.ts'
import { decodableMessages } from './undecodable-request.ts'
import { exchangeKey, type ProtocolExchange } from './protocol-exchange.ts'

/** Gives every error its Connect code, and notes how a call ended. */
export const outcomeInterceptor: Interceptor = (next) => async (request) => {
  const exchange = request.contextValues.get(exchangeKey)
  try {
    const response = await next(request.stream ? { ...request, message: decodableMessages(request.message) } : request)
    if (response.stream) return { ...response, message: noteOutcome(response.message, exchange) }
    if (exchange !== undefined) exchange.code = 'ok'
    return response
  } catch (error) {
    throw noteError(error, exchange)
  }
}

async function* noteOutcome<T>(messages: AsyncIterable<T>, exchange: ProtocolExchange | undefined): AsyncGenerator<T> {
  try {
    yield* messages
    if (exchange !== undefined) exchange.code = 'ok'
  } catch (error) {
    throw noteError(error, exchange)
  }
}

function noteError(error: unknown, exchange: ProtocolExchange | undefined): Error {
  exchange?.meter.explain(error)
  const connectError = toConnectError(error)
  if (exchange !== undefined) exchange.code = codeToString(connectError.code)
  return connectError
}

/** Runs before the request is received: refuses what has no room, and asks `admit` about the rest. */
export function requestGate(
  { openCalls }: Forwarding,
  admit: (context: HandlerContext, exchange: ProtocolExchange) => void | Promise<void>,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const exchange = context.values.get(exchangeKey)
    if (exchange === undefined) throw new Error('the call has no exchange')
    if (exchange.isRefused) return
    try {
      openCalls.assertRoom(exchange.kind)
      await admit(context, exchange)
    } catch (error) {
      throw noteError(error, exchange)
    }
  }
}
