import {
  fromBinary,
  fromJson,
  isMessage,
  toBinary,
  toJsonString,
  type DescMessage,
  type JsonValue,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf'
import {
  AckRequestSchema,
  AckResponseSchema,
  CommitManyRequestSchema,
  CommitManyResponseSchema,
  ConsumeResponseSchema,
  FindEntitiesRequestSchema,
  FindEntitiesResponseSchema,
  ReadFieldsResponseSchema,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { decodeAckRequest, decodeAckResponse, encodeAckRequest, encodeAckResponse } from './ack-messages.ts'
import { decodeCommitManyRequest, encodeCommitManyRequest } from './commit-many-request.ts'
import { decodeCommitManyResponse, encodeCommitManyResponse } from './commit-many-response.ts'
import { decodeConsumeResponse, encodeConsumeResponse } from './consume-response.ts'
import { decodeFindEntitiesRequest, encodeFindEntitiesRequest } from './find-entities-request.ts'
import { decodeFoundEntitiesAnswer } from './found-entities-answer.ts'
import { decodeReadFieldsAnswer } from './read-fields-answer.ts'

/** How the messages of a call are written. */
export interface MessageCodec {
  readonly contentType: string
  encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array
  /** Decodes an answer: what a newer server adds is passed over. Throws whatever the decoder throws. */
  decode<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc>
  /** Decodes a request: JSON with an unknown member or name is refused, for it may be a misspelt one. Throws likewise. */
  decodeRequest<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc>
}

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true })

/** More digits than a double keeps. */
const longInteger = /\d{16}/
const wholeInteger = /^-?\d+$/

export const binaryCodec: MessageCodec = {
  contentType: 'application/proto',
  encode: encodeMessage,
  decode: decodeAnswer,
  decodeRequest,
}

/** The most frequent messages that cost something to encode; others are not worth the code. */
function encodeMessage(schema: DescMessage, message: Message): Uint8Array {
  if (isMessage(message, CommitManyRequestSchema)) return encodeCommitManyRequest(message)
  if (isMessage(message, CommitManyResponseSchema)) return encodeCommitManyResponse(message)
  if (isMessage(message, FindEntitiesRequestSchema)) return encodeFindEntitiesRequest(message)
  if (isMessage(message, ConsumeResponseSchema)) return encodeConsumeResponse(message)
  if (isMessage(message, AckRequestSchema)) return encodeAckRequest(message)
  if (isMessage(message, AckResponseSchema)) return encodeAckResponse(message)
  return toBinary(schema, message)
}

function decodeRequest<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc>
function decodeRequest(schema: DescMessage, body: Uint8Array): Message {
  if (schema === CommitManyRequestSchema) return decodeCommitManyRequest(body)
  if (schema === FindEntitiesRequestSchema) return decodeFindEntitiesRequest(body)
  if (schema === AckRequestSchema) return decodeAckRequest(body)
  return fromBinary(schema, body)
}

function decodeAnswer<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc>
function decodeAnswer(schema: DescMessage, body: Uint8Array): Message {
  if (schema === ReadFieldsResponseSchema) return decodeReadFieldsAnswer(body)
  if (schema === CommitManyResponseSchema) return decodeCommitManyResponse(body)
  if (schema === FindEntitiesResponseSchema) return decodeFoundEntitiesAnswer(body)
  if (schema === ConsumeResponseSchema) return decodeConsumeResponse(body)
  if (schema === AckResponseSchema) return decodeAckResponse(body)
  return fromBinary(schema, body)
}

export const jsonCodec: MessageCodec = {
  contentType: 'application/json',
  encode: (schema, message) => textEncoder.encode(toJsonString(schema, message)),
  decode: (schema, body) => fromJson(schema, parseJson(body), { ignoreUnknownFields: true }),
  decodeRequest: (schema, body) => fromJson(schema, parseJson(body), { ignoreUnknownFields: false }),
}

/** No body at all is an empty message, so that a call without arguments can be made by hand. */
function parseJson(body: Uint8Array): JsonValue {
  if (body.length === 0) return {}
  const text = textDecoder.decode(body)
  // The type of a reviver does not have its third parameter yet.
  const reviver = longInteger.test(text) ? (keepDigits as (key: string, value: unknown) => unknown) : undefined
  return JSON.parse(text, reviver) as JsonValue
}

/** An integer that a double would round stays text, which protobuf takes for a number too. */
function keepDigits(_key: string, value: unknown, { source = '' }: { source?: string }): unknown {
  const isRounded = typeof value === 'number' && !Number.isSafeInteger(value) && wholeInteger.test(source)
  return isRounded ? source : value
}

/** The codec of a content type. None: JSON, so that `nats req` works. Throws `invalid_request`. */
export function codecOf(contentType: string | undefined): MessageCodec {
  if (contentType === undefined) return jsonCodec
  const [mediaType = ''] = contentType.split(';', 1)
  switch (mediaType.trim().toLowerCase()) {
    case 'application/proto':
      return binaryCodec
    case 'application/json':
      return jsonCodec
    default:
      throw new QError(
        'invalid_request',
        `content type ${contentType} is neither application/proto nor application/json`,
        {
          field: 'Content-Type',
        },
      )
  }
}
