import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
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

/** Packs a field whose value is given as the bytes of a `Value`. */
export function packFieldBytes(value: Uint8Array, facts: WriteFacts): PackedField {
  return delimited(FieldSchema.field.value.number, latin1(value)) + packFacts(facts)
}

let lastFacts: WriteFacts = { writeTimeUs: 0, writer: '', revision: -1 }
let lastPacked = ''

/** The fields of an entity are often of one commit. */
function packFacts(facts: WriteFacts): string {
  const { writeTimeUs, writer, revision } = facts
  const { revision: lastRevision, writeTimeUs: lastTimeUs, writer: lastWriter } = lastFacts
  if (revision === lastRevision && writeTimeUs === lastTimeUs && writer === lastWriter) return lastPacked
  const field = create(FieldSchema)
  field.writer = writer
  field.revision = BigInt(revision)
  field.writeTime = timestampFromMicros(writeTimeUs)
  lastFacts = { writeTimeUs, writer, revision }
  lastPacked = latin1(toBinary(FieldSchema, field))
  return lastPacked
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

/** Heads by content length; most contents are short. */
const heads = new Map<number, string[]>()
const longestKeptHead = 4_096

/** A length-delimited field with its content, both of one character a byte. */
export function delimited(fieldNumber: number, content: string): string {
  if (content.length >= longestKeptHead) return headOf(fieldNumber, content.length) + content
  let known = heads.get(fieldNumber)
  if (known === undefined) heads.set(fieldNumber, (known = []))
  return (known[content.length] ??= headOf(fieldNumber, content.length)) + content
}

function headOf(fieldNumber: number, length: number): string {
  return varint(fieldNumber * 8 + 2) + varint(length)
}

function varint(value: number): string {
  let text = ''
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80)
  return text + String.fromCharCode(rest)
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
