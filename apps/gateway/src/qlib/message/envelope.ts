import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { QError } from '@qcore/errors'

/** What every message of qlib's clients consists of, in each dialect: a header of its own kind, and a payload. */
export interface Envelope {
  readonly header: Uint8Array
  readonly typeUrl: string
  readonly value: Uint8Array
}

const noBytes = new Uint8Array(0)

/**
 * Takes a message apart without knowing its dialect.
 *
 * @throws QError `invalid_request`
 */
export function readEnvelope(bytes: Uint8Array): Envelope {
  try {
    const parts = readParts(bytes)
    const payload = parts.get(2) ?? noBytes
    const any = readParts(payload)
    return {
      header: parts.get(1) ?? noBytes,
      typeUrl: new TextDecoder('utf-8', { fatal: true }).decode(any.get(1) ?? noBytes),
      value: any.get(2) ?? noBytes,
    }
  } catch (error) {
    throw new QError('invalid_request', 'the frame is not a message of qlib', { cause: error })
  }
}

/** The length-delimited fields of a message, by number; the last of a number counts. */
function readParts(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new BinaryReader(bytes)
  const parts = new Map<number, Uint8Array>()
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (wireType === WireType.LengthDelimited) parts.set(field, reader.bytes())
    else reader.skip(wireType, field)
  }
  return parts
}

/** The name of the message that a type URL names, with its package. */
export function nameOfTypeUrl(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

/** The type URL of a message, as qlib's clients write it. */
export function typeUrlOf(typeName: string): string {
  return `type.googleapis.com/${typeName}`
}
