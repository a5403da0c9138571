import { celType, isCelList, isCelMap, isCelUint, type CelInput, type CelValue } from '@bufbuild/cel'
import { create } from '@bufbuild/protobuf'
import { isReflectMessage } from '@bufbuild/protobuf/reflect'
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt'
import { BinaryFileSchema, EntityListSchema, ValueSchema, ValueType, type Value } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits, timestampFromMicros, valueTypeName, type BinaryFileValue, type FieldValue } from '@qcore/model'
import { failedExpression } from './expression-error.ts'

const mostMediaTypeCharacters = 128
/** Beyond this not every whole number is a Float. */
const mostExactFloat = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * A value of a field as an expression sees it: Int is int, Float double, Timestamp timestamp; String, Choice,
 * EntityReference and Transformation are string; an EntityList is a list of ids; a BinaryFile is a map of `media_type`
 * and `content`.
 */
export function celFromFieldValue(type: ValueType, value: FieldValue): CelInput {
  switch (type) {
    case ValueType.TIMESTAMP:
      return timestampFromMicros(value as bigint)
    case ValueType.ENTITY_LIST:
      return value as readonly string[]
    case ValueType.BINARY_FILE: {
      const { mediaType, content } = value as BinaryFileValue
      return celFromFile(mediaType, content)
    }
    default:
      return value as bigint | number | string | boolean
  }
}

/** A value of a request as an expression sees it; null if none is set. */
export function celFromMessage({ kind }: Value): CelInput {
  switch (kind.case) {
    case undefined:
      return null
    case 'entityList':
      return kind.value.entityIds
    case 'binaryFile':
      return celFromFile(kind.value.mediaType, kind.value.content)
    default:
      return kind.value
  }
}

function celFromFile(mediaType: string, content: Uint8Array): CelInput {
  return new Map<string, CelInput>([
    ['media_type', mediaType],
    ['content', content],
  ])
}

/**
 * The message for a value that an expression gave for a field of a type. Nothing is converted but an int to a Float that
 * is the same number, and bytes to a file without a media type.
 *
 * @param field what to name in an error
 * @throws QError `type_mismatch`, `value_out_of_range`
 */
export function messageFromCel(type: ValueType, value: CelValue, field: string): Value {
  const kind = kindFromCel(type, value, field)
  if (kind !== undefined) return create(ValueSchema, { kind })
  throw new QError('type_mismatch', `the field is of type ${valueTypeName(type)}, the value is a ${nameOf(value)}`, {
    field,
  })
}

function kindFromCel(type: ValueType, value: CelValue, field: string): Value['kind'] | undefined {
  switch (type) {
    case ValueType.INT:
      return typeof value === 'bigint' ? { case: 'int', value } : undefined
    case ValueType.FLOAT:
      return floatKind(value, field)
    case ValueType.BOOL:
      return typeof value === 'boolean' ? { case: 'bool', value } : undefined
    case ValueType.STRING:
      return typeof value === 'string' ? { case: 'string', value } : undefined
    case ValueType.CHOICE:
      return typeof value === 'string' ? { case: 'choice', value } : undefined
    case ValueType.ENTITY_REFERENCE:
      return typeof value === 'string' ? { case: 'entityReference', value } : undefined
    case ValueType.TIMESTAMP: {
      const timestamp = timestampOf(value)
      return timestamp && { case: 'timestamp', value: timestamp }
    }
    case ValueType.ENTITY_LIST:
      return listKind(value, field)
    case ValueType.BINARY_FILE:
      return fileKind(value, field)
    default:
      return undefined
  }
}

function floatKind(value: CelValue, field: string): Value['kind'] | undefined {
  if (typeof value === 'number') return { case: 'float', value }
  if (typeof value !== 'bigint') return undefined
  if (value > mostExactFloat || value < -mostExactFloat) {
    throw new QError('value_out_of_range', 'the int is too large to be the same number as a Float', { field })
  }
  return { case: 'float', value: Number(value) }
}

function timestampOf(value: CelValue): Timestamp | undefined {
  if (!isReflectMessage(value, TimestampSchema)) return undefined
  const { seconds, nanos } = value.message as Timestamp
  return create(TimestampSchema, { seconds, nanos })
}

function listKind(value: CelValue, field: string): Value['kind'] | undefined {
  if (!isCelList(value)) return undefined
  if (value.size > limits.entityListIds) {
    throw new QError('value_out_of_range', `a list has at most ${limits.entityListIds} ids`, { field })
  }
  const entityIds = [...value].filter((id) => typeof id === 'string')
  if (entityIds.length < value.size) return undefined
  return { case: 'entityList', value: create(EntityListSchema, { entityIds }) }
}

function fileKind(value: CelValue, field: string): Value['kind'] | undefined {
  const content = isCelMap(value) ? value.get('content') : value
  const mediaType = isCelMap(value) ? (value.get('media_type') ?? '') : ''
  if (!(content instanceof Uint8Array) || typeof mediaType !== 'string') return undefined
  if (mediaType.length > mostMediaTypeCharacters) {
    throw new QError('value_out_of_range', `a media type has at most ${mostMediaTypeCharacters} characters`, { field })
  }
  return { case: 'binaryFile', value: create(BinaryFileSchema, { mediaType, content }) }
}

/**
 * The entries of a map with text keys, in the order in which the expression wrote them.
 *
 * @throws QError `expression_failed`
 */
export function entriesFromCel(value: CelValue): [key: string, value: CelValue][] {
  if (!isCelMap(value)) throw failedExpression(`the result is a ${nameOf(value)}, not a map`, undefined)
  return [...value].map(([key, element]) => {
    if (typeof key === 'string') return [key, element]
    throw failedExpression(
      `the result has the key ${String(isCelUint(key) ? key.value : key)}, which is no text`,
      undefined,
    )
  })
}

function nameOf(value: CelValue): string {
  return celType(value).name
}
