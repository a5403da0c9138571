import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf'
import { StreamRequestSchema, StreamResponseSchema, type StreamRequest, type StreamResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { FrameKind } from '../websocket/frame-handler.ts'

/** How requests and responses are written in frames. */
export interface StreamCodec {
  readonly kind: FrameKind
  /** @throws QError `invalid_request` */
  decode(frame: Uint8Array): StreamRequest
  encode(response: StreamResponse): Uint8Array
}

const text = new TextDecoder('utf-8', { fatal: true })

export const jsonStreamCodec: StreamCodec = {
  kind: 'text',
  decode: (frame) => decoded(() => fromJsonString(StreamRequestSchema, text.decode(frame))),
  encode: (response) => Buffer.from(toJsonString(StreamResponseSchema, response)),
}

export const protoStreamCodec: StreamCodec = {
  kind: 'binary',
  decode: (frame) => decoded(() => fromBinary(StreamRequestSchema, frame)),
  encode: (response) => toBinary(StreamResponseSchema, response),
}

function decoded(decode: () => StreamRequest): StreamRequest {
  try {
    return decode()
  } catch (cause) {
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    throw new QError('invalid_request', `the frame is no StreamRequest${reason}`, { cause })
  }
}
