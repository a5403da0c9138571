import type { AnonymousAccess } from '../websocket/anonymous.ts'
import { agreedProtocol } from '../websocket/credentials.ts'
import type { FrameProtocols, WebSocketEndpoint } from '../websocket/frame-handler.ts'
import type { QlibContext } from './qlib-context.ts'
import { QlibHandler } from './qlib-handler.ts'

/** What is served at `/ws`: qlib's binary frames, whatever subprotocol the client offers, and Qhronos' text frames. */
export function createQlibEndpoint(
  qlib: QlibContext,
  anonymous: AnonymousAccess,
  text: NonNullable<FrameProtocols['text']>,
): WebSocketEndpoint {
  return {
    agree: agreedProtocol,
    protocolsOf: () => ({ binary: (peer) => new QlibHandler(qlib, peer), text }),
    anonymous: (address) => anonymous.identity(address),
  }
}
