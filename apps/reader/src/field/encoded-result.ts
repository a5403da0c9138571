import { toBinary } from '@bufbuild/protobuf'
import { FieldResultSchema, type FieldRead } from '@qcore/contracts'
import type { ReplicaSource } from '@qcore/replica'
import { fieldResult } from './field-result.ts'

/** A longer one is encoded for every answer rather than kept. */
const longestKept = 2_048

/** `results` of ReadFieldsResponse: field 2, length-delimited. */
const resultsTag = '\x12'

/**
 * The result of a read as an element of `ReadFieldsResponse.results`, one character a byte. Kept with the field: most
 * reads are of fields that were read before. Empty if something on the way is not cached.
 */
export function encodedResult(source: ReplicaSource, read: FieldRead, index: number): string {
  const entity = source.cached(read.entityId)
  const state = entity?.state
  if (entity === undefined) return ''
  const field = state ? source.type(state.type)?.fieldsByName.get(read.path) : undefined
  if (field === undefined) return encode(source, read, index)
  const kept = entity.encodings[field.position]
  if (kept !== undefined) return kept
  const encoded = encode(source, read, index)
  if (encoded.length <= longestKept) entity.encodings[field.position] = encoded
  return encoded
}

function encode(source: ReplicaSource, read: FieldRead, index: number): string {
  const result = fieldResult(source, read, index)
  if (result.outcome.case === undefined) return ''
  const bytes = toBinary(FieldResultSchema, result)
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return resultsTag + varint(content.length) + content
}

function varint(value: number): string {
  let text = ''
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80)
  return text + String.fromCharCode(rest)
}
