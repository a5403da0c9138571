import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  create,
  ScalarType,
  type DescField,
  type DescMessage,
  type JsonValue,
  type MessageInitShape,
} from '@bufbuild/protobuf'
import { IntSchema, WebMessageSchema } from '@qcore/contracts/legacy/protobufs'
import { webDialect } from '../web/web-dialect.ts'
import { writeJson } from './proto-json.ts'

/** A request of a name as JSON, with every member; undefined for another name. */
export function exampleOf(name: string): JsonValue | undefined {
  const schema = webDialect.routes.get(name)?.request
  if (schema === undefined) return undefined
  const payload = anyPack(schema, create(schema, exampleMessage(schema)))
  const timestamp = timestampFromDate(new Date(0))
  return writeJson(WebMessageSchema, create(WebMessageSchema, { header: { id: 'client-id', timestamp }, payload }))
}

function exampleMessage(schema: DescMessage): MessageInitShape<DescMessage> {
  const init: Record<string, unknown> = {}
  for (const field of schema.fields) init[field.localName] = exampleField(field)
  return init
}

function exampleField(field: DescField): unknown {
  switch (field.fieldKind) {
    case 'list':
      return [field.message === undefined ? field.name : exampleOfMessage(field.message)]
    case 'message':
      return exampleOfMessage(field.message)
    case 'enum':
      return field.enum.values.at(-1)?.number ?? 0
    case 'scalar':
      return exampleScalar(field)
    case 'map':
      return {}
  }
}

function exampleOfMessage(message: DescMessage): unknown {
  if (message.typeName === 'google.protobuf.Any') return anyPack(IntSchema, create(IntSchema, { raw: 1n }))
  if (message.typeName === 'google.protobuf.Timestamp') return timestampFromDate(new Date(0))
  return create(message, exampleMessage(message))
}

function exampleScalar(field: DescField & { fieldKind: 'scalar' }): unknown {
  switch (field.scalar) {
    case ScalarType.STRING:
      return field.name === 'err' ? '' : field.name
    case ScalarType.BOOL:
      return false
    case ScalarType.INT64:
      return 5_000n
    default:
      return 1
  }
}
