import type { TokenVerifier } from '@qcore/access'
import { tokenProtocol } from '../websocket/credentials.ts'
import type { Peer, WebSocketEndpoint } from '../websocket/frame-handler.ts'
import type { StreamCalls } from './stream-calls.ts'
import { jsonStreamCodec, protoStreamCodec } from './stream-codec.ts'
import { StreamHandler } from './stream-handler.ts'

const jsonProtocol = 'qcore.v1.json'
const protoProtocol = 'qcore.v1.proto'

/** What is served at `/stream`: JSON in text frames, or protobuf in binary ones, as the subprotocol says. */
export function createStreamEndpoint(calls: StreamCalls, verifier: TokenVerifier): WebSocketEndpoint {
  return {
    agree: agreedProtocol,
    protocolsOf: (subprotocol) => {
      const codec = subprotocol === protoProtocol ? protoStreamCodec : jsonStreamCodec
      return { [codec.kind]: (peer: Peer) => new StreamHandler({ peer, codec, calls, verifier }) }
    },
  }
}

/** The first that is spoken here. A client that offers nothing but its token has that accepted, for it insists on one. */
function agreedProtocol(offered: ReadonlySet<string>): string | false {
  const known = [...offered].find((entry) => entry === jsonProtocol || entry === protoProtocol)
  return known ?? [...offered].find((entry) => entry.startsWith(tokenProtocol)) ?? false
}
