import { create } from '@bufbuild/protobuf'
import { EntityListSchema, BinaryFileSchema, ValueSchema, ValueType, type Value } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits } from './limits.ts'
import { microsFromTimestamp, timestampFromMicros } from './timestamp.ts'

/** A file as a value. */
export interface BinaryFileValue {
  /** Empty means `application/octet-stream`. */
  readonly mediaType: string
  readonly content: Uint8Array
}

/**
 * A value in memory. Its type is that of its field: Int and Timestamp (microseconds since 1970) are bigint, Float is
 * number, String, EntityReference, Choice and Transformation are string, Bool is boolean, EntityList is an array of ids.
 */
export type FieldValue = bigint | number | string | boolean | BinaryFileValue | readonly string[]

type ValueCase = NonNullable<Value['kind']['case']>

/** The member of `Value` that holds values of a type. */
const caseOfType: Readonly<Record<number, ValueCase>> = {
  [ValueType.INT]: 'int',
  [ValueType.FLOAT]: 'float',
  [ValueType.STRING]: 'string',
  [ValueType.BOOL]: 'bool',
  [ValueType.BINARY_FILE]: 'binaryFile',
  [ValueType.ENTITY_REFERENCE]: 'entityReference',
  [ValueType.TIMESTAMP]: 'timestamp',
  [ValueType.CHOICE]: 'choice',
  [ValueType.ENTITY_LIST]: 'entityList',
  [ValueType.TRANSFORMATION]: 'transformation',
}

/** The names of the types as the documentation writes them. */
const typeNames: Readonly<Record<number, string>> = {
  [ValueType.INT]: 'Int',
  [ValueType.FLOAT]: 'Float',
  [ValueType.STRING]: 'String',
  [ValueType.BOOL]: 'Bool',
  [ValueType.BINARY_FILE]: 'BinaryFile',
  [ValueType.ENTITY_REFERENCE]: 'EntityReference',
  [ValueType.TIMESTAMP]: 'Timestamp',
  [ValueType.CHOICE]: 'Choice',
  [ValueType.ENTITY_LIST]: 'EntityList',
  [ValueType.TRANSFORMATION]: 'Transformation',
}

/** `Int`, `EntityReference`, … */
export function valueTypeName(type: ValueType): string {
  return typeNames[type] ?? `type ${type}`
}

/**
 * Takes a value of a message into memory.
 *
 * @param field what to name in an error
 * @throws QError `type_mismatch`, `value_out_of_range`
 */
export function fieldValueFromMessage(type: ValueType, value: Value | undefined, field: string): FieldValue {
  const kind = value?.kind
  if (kind?.case === undefined) throw new QError('type_mismatch', 'the value is missing', { field })
  if (kind.case !== caseOfType[type]) {
    throw new QError(
      'type_mismatch',
      `the field is of type ${valueTypeName(type)}, the value is given as ${kind.case}`,
      { field },
    )
  }
  switch (kind.case) {
    case 'timestamp':
      return microsFromTimestamp(kind.value, field)
    case 'string':
      return limitedText(kind.value, limits.stringBytes, field)
    case 'transformation':
      return limitedText(kind.value, limits.transformationBytes, field)
    case 'entityList':
      return kind.value.entityIds
    case 'binaryFile':
      if (kind.value.content.length > limits.binaryFileBytes) {
        throw new QError('value_out_of_range', `a file has at most ${limits.binaryFileBytes} bytes`, { field })
      }
      return { mediaType: kind.value.mediaType, content: kind.value.content }
    default:
      return kind.value
  }
}

function limitedText(text: string, mostBytes: number, field: string): string {
  if (text.length * 3 > mostBytes && new TextEncoder().encode(text).length > mostBytes) {
    throw new QError('value_out_of_range', `the text has more than ${mostBytes} bytes of UTF-8`, { field })
  }
  return text
}

/** The message for a value. The value must be of the type. */
export function messageFromFieldValue(type: ValueType, value: FieldValue): Value {
  switch (type) {
    case ValueType.TIMESTAMP:
      return create(ValueSchema, { kind: { case: 'timestamp', value: timestampFromMicros(value as bigint) } })
    case ValueType.ENTITY_LIST:
      return create(ValueSchema, {
        kind: { case: 'entityList', value: create(EntityListSchema, { entityIds: [...(value as readonly string[])] }) },
      })
    case ValueType.BINARY_FILE: {
      const file = value as BinaryFileValue
      return create(ValueSchema, {
        kind: {
          case: 'binaryFile',
          value: create(BinaryFileSchema, { mediaType: file.mediaType, content: file.content }),
        },
      })
    }
    default: {
      const message = create(ValueSchema)
      message.kind = { case: caseOfType[type], value } as Value['kind']
      return message
    }
  }
}

/** Whether two values of one type are the same. NaN is the same as NaN, and 0 as -0. */
export function sameFieldValue(a: FieldValue, b: FieldValue): boolean {
  if (a === b) return true
  if (typeof a === 'number') return Number.isNaN(a) && Number.isNaN(b)
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (isEntityList(a)) return isEntityList(b) && a.length === b.length && a.every((id, index) => id === b[index])
  return !isEntityList(b) && a.mediaType === b.mediaType && sameBytes(a.content, b.content)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

function isEntityList(value: BinaryFileValue | readonly string[]): value is readonly string[] {
  return Array.isArray(value)
}

/** What a field of a type holds when its schema gives no default. */
export function zeroFieldValue(type: ValueType, choices: readonly string[]): FieldValue {
  switch (type) {
    case ValueType.INT:
    case ValueType.TIMESTAMP:
      return 0n
    case ValueType.FLOAT:
      return 0
    case ValueType.BOOL:
      return false
    case ValueType.BINARY_FILE:
      return { mediaType: '', content: new Uint8Array() }
    case ValueType.CHOICE:
      return choices[0] ?? ''
    case ValueType.ENTITY_LIST:
      return []
    default:
      return ''
  }
}

const noIds: readonly string[] = []

/** The ids that a value of a type refers to. */
export function referencedIds(type: ValueType, value: FieldValue): readonly string[] {
  if (type === ValueType.ENTITY_REFERENCE) return value === '' ? noIds : [value as string]
  return type === ValueType.ENTITY_LIST ? (value as readonly string[]) : noIds
}
