import type { AnonymousAccess } from '../websocket/anonymous.ts'
import { agreedProtocol } from '../websocket/credentials.ts'
import type { WebSocketEndpoint } from '../websocket/frame-handler.ts'
import type { QlibContext } from './qlib-context.ts'
import { QlibHandler } from './qlib-handler.ts'

/** What is served at `/ws`: binary frames, whatever subprotocol the client offers. */
export function createQlibEndpoint(qlib: QlibContext, anonymous: AnonymousAccess): WebSocketEndpoint {
  return {
    agree: agreedProtocol,
    protocolsOf: () => ({ binary: (peer) => new QlibHandler(qlib, peer) }),
    anonymous: (address) => anonymous.identity(address),
  }
}
