import type { Identity } from './identity.ts'

/** Why a connection is closed by the gateway. Above 4000: codes of our own. */
export const closeCodes = {
  stopping: 1001,
  unsupported: 1003,
  failed: 1011,
  overloaded: 1013,
  /** The token is missing, or has ended. */
  unauthenticated: 4401,
  /** A subscription cannot go on: connect again, and register anew. */
  lost: 4410,
} as const

export type FrameKind = 'binary' | 'text'

/** The other end of a connection, as the protocols see it. */
export interface Peer {
  /** Undefined until a token was shown. */
  readonly identity: Identity | undefined
  /** Takes the token of a message for the connection's. Throws QError `permission_denied` for another caller's. */
  adopt(identity: Identity): void
  /** Sends a frame, a binary one unless it says otherwise. Resolves when the next one may follow. */
  send(frame: Uint8Array, kind?: FrameKind): Promise<void>
  close(code: number, reason: string): void
}

/** Speaks one protocol over a connection. */
export interface FrameHandler extends AsyncDisposable {
  /** Takes a frame. Several may be under way; never rejects. */
  handle(frame: Uint8Array): Promise<void>
  /** Called with each ping: tells clients that do not see pings that the connection lives. */
  beat?(): void
}

/** What is spoken in frames of each kind. Whoever sends a kind that is not there is told so, and cut off. */
export type FrameProtocols = Readonly<Partial<Record<FrameKind, (peer: Peer) => FrameHandler>>>

/** What is served at one path. */
export interface WebSocketEndpoint {
  /** The subprotocol to agree on, of those that a client offers; false: none. */
  agree(offered: ReadonlySet<string>): string | false
  /** What is spoken with a client that agreed on a subprotocol, or on none (empty). */
  protocolsOf(subprotocol: string): FrameProtocols
  /** Who callers without a token are; undefined: they have to show one. */
  anonymous?(address: string): Identity | undefined
}
