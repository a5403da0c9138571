import { ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf'
import type { ProtoComments } from './proto-comments.ts'
import type { Json } from './yaml-text.ts'

type Schema = Record<string, Json | undefined>

/** How protobuf writes scalars in JSON. */
const scalarSchemas: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.DOUBLE]: { type: ['number', 'string'] },
  [ScalarType.FLOAT]: { type: ['number', 'string'] },
  [ScalarType.INT64]: { type: 'string', pattern: '^-?[0-9]+$' },
  [ScalarType.UINT64]: { type: 'string', pattern: '^[0-9]+$' },
  [ScalarType.INT32]: { type: 'integer' },
  [ScalarType.FIXED64]: { type: 'string', pattern: '^[0-9]+$' },
  [ScalarType.FIXED32]: { type: 'integer', minimum: 0 },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
  [ScalarType.UINT32]: { type: 'integer', minimum: 0 },
  [ScalarType.SFIXED32]: { type: 'integer' },
  [ScalarType.SFIXED64]: { type: 'string', pattern: '^-?[0-9]+$' },
  [ScalarType.SINT32]: { type: 'integer' },
  [ScalarType.SINT64]: { type: 'string', pattern: '^-?[0-9]+$' },
}

/** Messages whose JSON is not an object of their fields. */
const wellKnown: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Value': {},
  'google.protobuf.Any': { type: 'object' },
  'google.protobuf.Empty': { type: 'object' },
}

/** The JSON of messages and of everything in them, as schemas by full name. */
export class MessageSchemas {
  readonly schemas: Record<string, Json> = {}
  readonly #comments: ProtoComments

  constructor(comments: ProtoComments) {
    this.#comments = comments
  }

  /** A reference to the schema of a message, which is added. */
  of(message: DescMessage): Schema {
    const known = wellKnown[message.typeName]
    if (known !== undefined) return known
    const { typeName } = message
    if (this.schemas[typeName] === undefined) {
      // Before its fields: a message may hold itself.
      this.schemas[typeName] = {}
      this.schemas[typeName] = this.#object(message)
    }
    return { $ref: `#/components/schemas/${typeName}` }
  }

  #object(message: DescMessage): Json {
    const properties = message.fields.map((field) => [field.jsonName, this.#described(message, field)] as const)
    const choices = message.oneofs.filter(({ fields }) => fields.length > 1)
    const members = choices.map(({ name, fields }) => [name, fields.map(({ jsonName }) => jsonName)] as const)
    return {
      type: 'object',
      description: this.#comments.get(message.typeName),
      properties: Object.fromEntries(properties),
      additionalProperties: false,
      // At most one of each list is there.
      'x-oneofs': members.length === 0 ? undefined : Object.fromEntries(members),
    }
  }

  #described(message: DescMessage, field: DescField): Json {
    const description = this.#comments.get(`${message.typeName}.${field.name}`)
    const schema = this.#field(field)
    // A reference has no place for a description of its own.
    return description !== undefined && '$ref' in schema ? { description, allOf: [schema] } : { description, ...schema }
  }

  #field(field: DescField): Schema {
    switch (field.fieldKind) {
      case 'scalar':
        return scalarSchemas[field.scalar]
      case 'enum':
        return this.#enum(field.enum)
      case 'message':
        return this.of(field.message)
      case 'list':
        return { type: 'array', items: this.#item(field) }
      case 'map':
        return { type: 'object', additionalProperties: this.#item(field) }
    }
  }

  #item(field: DescField & { fieldKind: 'list' | 'map' }): Schema {
    const kind = field.fieldKind === 'list' ? field.listKind : field.mapKind
    if (kind === 'scalar') return scalarSchemas[field.scalar ?? ScalarType.STRING]
    if (kind === 'enum') return field.enum === undefined ? {} : this.#enum(field.enum)
    return field.message === undefined ? {} : this.of(field.message)
  }

  #enum(desc: DescEnum): Schema {
    const { typeName } = desc
    const values = desc.values.map(({ name }) => name)
    const texts = values.map((name) => `\`${name}\`: ${this.#comments.get(`${typeName}.${name}`) ?? ''}`)
    const description = [this.#comments.get(typeName) ?? '', ...texts].join('\n\n')
    this.schemas[typeName] ??= { type: 'string', description, enum: values }
    return { $ref: `#/components/schemas/${typeName}` }
  }
}
