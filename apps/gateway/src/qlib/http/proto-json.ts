import {
  createRegistry,
  fromJsonString,
  ScalarType,
  toJson,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from '@bufbuild/protobuf'
import { EmptySchema } from '@bufbuild/protobuf/wkt'
import { file_legacy_protobufs, WebMessageSchema, type WebMessage } from '@qcore/contracts/legacy/protobufs'
import { QError } from '@qcore/errors'
import { nameOfTypeUrl } from '../message/envelope.ts'

const registry = createRegistry(file_legacy_protobufs, EmptySchema)

/** Members that the original does not have: they are left out where there is nothing to tell. */
const ownMembers: ReadonlySet<string> = new Set(['error', 'err'])

/** Reads a message in protobuf's JSON. Throws QError `invalid_request`. */
export function readWebMessage(text: string): WebMessage {
  try {
    return fromJsonString(WebMessageSchema, text, { registry })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new QError('invalid_request', `the body is not a WebMessage: ${reason}`, { cause: error })
  }
}

/** Writes a message as the original server does: what is not set is there too, a message that is not as null. */
export function writeJson<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue {
  return filled(schema, toJson(schema, message, { registry }))
}

function filled(schema: DescMessage, json: JsonValue): JsonValue {
  if (!isObject(json) || schema.typeName === 'google.protobuf.Timestamp') return json
  if (schema.typeName === 'google.protobuf.Any') return filledAny(json)
  const all: JsonObject = {}
  for (const field of schema.fields) {
    const value = json[field.jsonName]
    if (value !== undefined) all[field.jsonName] = filledField(field, value)
    else if (!ownMembers.has(field.jsonName)) all[field.jsonName] = unpopulated(field)
  }
  return all
}

function filledAny(json: JsonObject): JsonValue {
  const { '@type': typeUrl } = json
  const schema = typeof typeUrl === 'string' ? registry.getMessage(nameOfTypeUrl(typeUrl)) : undefined
  if (schema === undefined) return json
  return { '@type': typeUrl ?? null, ...(filled(schema, json) as JsonObject) }
}

function filledField({ message }: DescField, value: JsonValue): JsonValue {
  if (message === undefined) return value
  return Array.isArray(value) ? value.map((item) => filled(message, item)) : filled(message, value)
}

function unpopulated(field: DescField): JsonValue {
  switch (field.fieldKind) {
    case 'list':
      return []
    case 'map':
      return {}
    case 'message':
      return null
    case 'enum':
      return field.enum.values[0]?.name ?? ''
    case 'scalar':
      return scalar(field.scalar)
  }
}

function scalar(type: ScalarType): JsonValue {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return ''
    case ScalarType.BOOL:
      return false
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return '0'
    default:
      return 0
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
