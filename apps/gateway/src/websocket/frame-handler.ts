import type { Identity } from './identity.ts'

/** Why a connection is closed by the gateway. Above 4000: codes of our own. */
export const closeCodes = {
  stopping: 1001,
  unsupported: 1003,
  overloaded: 1013,
  /** The token is missing, or has ended. */
  unauthenticated: 4401,
  /** A subscription cannot go on: connect again, and register anew. */
  lost: 4410,
} as const

/** The other end of a connection, as the protocols see it. */
export interface Peer {
  /** Undefined until a token was shown. */
  readonly identity: Identity | undefined
  /** Takes the token of a message for the connection's. Throws QError `permission_denied` for another caller's. */
  adopt(identity: Identity): void
  /** Sends a binary frame. Resolves when the next one may follow. */
  send(frame: Uint8Array): Promise<void>
  close(code: number, reason: string): void
}

/** Speaks one protocol over a connection. */
export interface FrameHandler extends AsyncDisposable {
  /** Takes a frame. Several may be under way; never rejects. */
  handle(frame: Uint8Array): Promise<void>
}

/** What is spoken in frames of each kind. Whoever sends a kind that is not there is told so, and cut off. */
export interface FrameProtocols {
  binary(peer: Peer): FrameHandler
  text?(peer: Peer): FrameHandler
}
