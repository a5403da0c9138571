import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { FieldSchema, ValueSchema, ValueType, type Value } from '@qcore/contracts'
import {
  fieldValueFromMessage,
  messageFromFieldValue,
  microsFromTimestamp,
  timestampFromMicros,
  type FieldModel,
  type FieldState,
  type FieldValue,
} from '@qcore/model'
import { internText } from './interned-text.ts'

/**
 * A field as the bytes of a `Field` message without entity and name, in a string of one character a byte: a third of the
 * memory of the state as objects, and an answer to a reader as it is.
 */
export type PackedField = string

/** When, by whom and by which revision a field was written. */
export type WriteFacts = Omit<FieldState, 'value'>

/** Packs a field. */
export function packField(value: Value, facts: WriteFacts): PackedField {
  return packFieldBytes(toBinary(ValueSchema, value), facts)
}

/** Packs a field whose value is given as the bytes of a `Value`. The text is in one piece, not put together of others. */
export function packFieldBytes(value: Uint8Array, facts: WriteFacts): PackedField {
  const factBytes = bytesOfFacts(facts)
  const mostBytes = mostHeadBytes + value.length + factBytes.length
  const out = mostBytes <= scratch.length ? scratch : Buffer.allocUnsafe(mostBytes)
  out[0] = FieldSchema.field.value.number * 8 + 2
  let end = writeVarint(out, value.length, 1)
  end = copy(value, out, end)
  end = copy(factBytes, out, end)
  return out.toString('latin1', 0, end)
}

/** A tag and a length. */
const mostHeadBytes = 6
/** Up to this length a loop is quicker than a call into Node. */
const loopedLength = 64
const scratch = Buffer.allocUnsafe(4_096)

let lastFacts: WriteFacts = { writeTimeUs: 0, writer: '', revision: -1 }
let lastBytes: Uint8Array = new Uint8Array()

/** The fields of an entity are often of one commit. */
function bytesOfFacts(facts: WriteFacts): Uint8Array {
  const { writeTimeUs, writer, revision } = facts
  const { revision: lastRevision, writeTimeUs: lastTimeUs, writer: lastWriter } = lastFacts
  if (revision === lastRevision && writeTimeUs === lastTimeUs && writer === lastWriter) return lastBytes
  lastFacts = { writeTimeUs, writer, revision }
  lastBytes = plainFacts(lastFacts) ?? anyFacts(lastFacts)
  return lastBytes
}

/** Room for a time, a short text and a revision. */
const factsScratch = Buffer.allocUnsafe(256)

/** What `anyFacts` makes, a tenth as dearly; undefined for times before 1970 and long names. Valid until the next call. */
function plainFacts({ writeTimeUs, writer, revision }: WriteFacts): Uint8Array | undefined {
  if (writeTimeUs < 0 || writer.length > loopedLength) return undefined
  const out = factsScratch
  const { writeTime, writer: name, revision: last } = FieldSchema.field
  const seconds = Math.floor(writeTimeUs / 1_000_000)
  const nanos = (writeTimeUs - seconds * 1_000_000) * 1_000
  // The head of the time is written when its length is known; it is below 128.
  let end = writeNumber(out, TimestampSchema.field.seconds.number, seconds, 2)
  end = writeNumber(out, TimestampSchema.field.nanos.number, nanos, end)
  out[0] = writeTime.number * 8 + 2
  out[1] = end - 2
  if (writer !== '') {
    const length = out.write(writer, end + 2)
    if (length > 127) return undefined
    out[end] = name.number * 8 + 2
    out[end + 1] = length
    end += 2 + length
  }
  return out.subarray(0, writeNumber(out, last.number, revision, end))
}

function anyFacts({ writeTimeUs, writer, revision }: WriteFacts): Uint8Array {
  const field = create(FieldSchema)
  field.writer = writer
  field.revision = BigInt(revision)
  field.writeTime = timestampFromMicros(writeTimeUs)
  return toBinary(FieldSchema, field)
}

/** Writes a field with a number, unless that is 0. Returns where it ends. */
function writeNumber(out: Uint8Array, fieldNumber: number, value: number, start: number): number {
  if (value === 0) return start
  out[start] = fieldNumber * 8
  return writeVarint(out, value, start + 1)
}

/** Writes a number below 2^53. Returns where it ends. */
function writeVarint(out: Uint8Array, value: number, start: number): number {
  let end = start
  let rest = value
  for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) out[end++] = (rest % 128) | 0x80
  for (; rest > 0x7f; rest >>>= 7) out[end++] = (rest & 0x7f) | 0x80
  out[end++] = rest
  return end
}

function copy(bytes: Uint8Array, out: Uint8Array, start: number): number {
  if (bytes.length > loopedLength) out.set(bytes, start)
  else for (let index = 0; index < bytes.length; index++) out[start + index] = bytes[index] ?? 0
  return start + bytes.length
}

/** The state that was packed. */
export function unpackField(packed: PackedField, model: FieldModel): FieldState {
  const { value, writeTime, writer, revision } = fromBinary(FieldSchema, Buffer.from(packed, 'latin1'))
  return {
    value: storedValue(model, value),
    writeTimeUs: writeTime === undefined ? 0 : Number(microsFromTimestamp(writeTime, 'write_time')),
    writer: internText(writer),
    revision: Number(revision),
  }
}

/** A value of a message, as it is kept. */
export function storedValue(field: FieldModel, message: Value | undefined): FieldValue {
  const value = fieldValueFromMessage(field.valueType, message, field.name)
  // One string an option, not one a field.
  if (field.valueType === ValueType.CHOICE) return field.choices.find((choice) => choice === value) ?? value
  // The decoded content is part of a larger buffer, which it would keep in memory.
  if (typeof value === 'object' && 'content' in value) return { ...value, content: new Uint8Array(value.content) }
  return value
}

/** The default of a field, as a message. */
export function defaultMessage({ valueType, defaultValue }: FieldModel): Value {
  return messageFromFieldValue(valueType, defaultValue)
}
