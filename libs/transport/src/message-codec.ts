import {
  fromBinary,
  fromJson,
  toBinary,
  toJsonString,
  type DescMessage,
  type JsonValue,
  type MessageShape,
} from '@bufbuild/protobuf'
import { QError } from '@qcore/errors'

/** How the messages of a call are written. */
export interface MessageCodec {
  readonly contentType: string
  encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array
  /** Throws whatever the decoder throws. */
  decode<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc>
}

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true })

/** As Connect over HTTP does: a caller that is newer than the server is not refused. */
const jsonReadOptions = { ignoreUnknownFields: true }

export const binaryCodec: MessageCodec = {
  contentType: 'application/proto',
  encode: (schema, message) => toBinary(schema, message),
  decode: (schema, body) => fromBinary(schema, body),
}

export const jsonCodec: MessageCodec = {
  contentType: 'application/json',
  encode: (schema, message) => textEncoder.encode(toJsonString(schema, message)),
  decode: (schema, body) => fromJson(schema, parseJson(body), jsonReadOptions),
}

/** No body at all is an empty message, so that a call without arguments can be made by hand. */
function parseJson(body: Uint8Array): JsonValue {
  if (body.length === 0) return {}
  return JSON.parse(textDecoder.decode(body)) as JsonValue
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
