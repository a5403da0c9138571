import { endStreamFlag } from '@connectrpc/connect/protocol-connect'
import { QError } from '@qcore/errors'

/** Flags and length, as in Connect over HTTP. */
export const envelopeHeaderBytes = 5

export const windowMessagesHeader = 'Stream-Window-Messages'
export const windowBytesHeader = 'Stream-Window-Bytes'
export const heartbeatHeader = 'Stream-Heartbeat-Ms'

/** What a caller that names nothing gets, and what our own callers ask for. */
export const defaultStreamLimits: StreamLimits = { windowMessages: 1_024, windowBytes: 524_288, heartbeatMs: 5_000 }

/** After so many heartbeats without a sign of life, the other end is given up. */
export const silentHeartbeats = 3

export interface StreamLimits {
  /** How many messages may be on their way, sent and not yet acknowledged. */
  windowMessages: number
  /** How many bytes may be; one frame always may. */
  windowBytes: number
  heartbeatMs: number
}

/** One NATS message of a stream: one or more envelopes, the last one perhaps marked as the end of the stream. */
export function encodeFrame(payloads: readonly Uint8Array[], endOfStream?: Uint8Array): Uint8Array {
  let size = 0
  for (const payload of payloads) size += envelopeHeaderBytes + payload.length
  if (endOfStream !== undefined) size += envelopeHeaderBytes + endOfStream.length
  const frame = Buffer.allocUnsafe(size)
  let offset = 0
  for (const payload of payloads) offset = writeEnvelope(frame, offset, 0, payload)
  if (endOfStream !== undefined) writeEnvelope(frame, offset, endStreamFlag, endOfStream)
  return frame
}

function writeEnvelope(frame: Buffer, offset: number, flags: number, payload: Uint8Array): number {
  frame[offset] = flags
  frame.writeUInt32BE(payload.length, offset + 1)
  frame.set(payload, offset + envelopeHeaderBytes)
  return offset + envelopeHeaderBytes + payload.length
}

export interface Frame {
  payloads: Uint8Array[]
  endOfStream: Uint8Array | undefined
}

/** Takes a frame apart. Throws `unavailable` if it is not one. */
export function decodeFrame(frame: Uint8Array): Frame {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const payloads: Uint8Array[] = []
  let offset = 0
  while (offset + envelopeHeaderBytes <= frame.length) {
    const flags = view.getUint8(offset)
    const start = offset + envelopeHeaderBytes
    offset = start + view.getUint32(offset + 1)
    if (offset > frame.length) break
    const payload = frame.subarray(start, offset)
    if (flags === endStreamFlag) return { payloads, endOfStream: payload }
    if (flags !== 0) throw new QError('unavailable', `stream broken: unknown envelope flags ${flags}`)
    payloads.push(payload)
  }
  if (offset !== frame.length) throw new QError('unavailable', 'stream broken: a frame is cut off')
  return { payloads, endOfStream: undefined }
}
