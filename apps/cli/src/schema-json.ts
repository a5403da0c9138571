import {
  isFieldType,
  QError,
  Timestamp,
  type FieldDefinitionInput,
  type FieldType,
  type Permissions,
  type TypeSchema,
  type TypeSchemaInput,
  type ValueInput,
} from '@qcore/client'
import { jsonOfValue } from './value-text.ts'

/** A schema for programs; it can be set again. */
export function jsonOfSchema({ fields, ...schema }: TypeSchema): Record<string, unknown> {
  const definitions = Object.entries(fields).map(([name, definition]) => {
    const { type: fieldType, rank, choices, unindexed, description: text, permissions } = definition
    const given = jsonOfValue({ type: fieldType, value: definition.default } as Parameters<typeof jsonOfValue>[0])
    const json = { type: fieldType, rank, default: given, choices, unindexed, description: text, permissions }
    return [name, json] as const
  })
  return { ...schema, fields: Object.fromEntries(definitions) }
}

/**
 * Reads a schema from JSON.
 *
 * @throws QError `invalid_schema`
 */
export function parseSchema(text: string): TypeSchemaInput {
  const json = objectOf(parseJson(text), 'the schema')
  const { type, description = '', uniqueChildNames, childOrder, permissions, fields } = json
  if (typeof type !== 'string') throw new QError('invalid_schema', 'the schema has no type', { field: 'type' })
  if (typeof description !== 'string') throw invalid('description', 'is no text')
  if (uniqueChildNames !== undefined && typeof uniqueChildNames !== 'boolean') {
    throw invalid('uniqueChildNames', 'is neither true nor false')
  }
  if (childOrder !== undefined && childOrder !== 'name' && childOrder !== 'explicit') {
    throw invalid('childOrder', 'is neither name nor explicit')
  }
  const entries = Object.entries(objectOf(fields, 'fields')).map(
    ([name, definition]) => [name, parseDefinition(definition, `fields.${name}`)] as const,
  )
  return {
    type,
    description,
    fields: Object.fromEntries(entries),
    ...(uniqueChildNames === undefined ? {} : { uniqueChildNames }),
    ...(childOrder === undefined ? {} : { childOrder }),
    ...parsePermissions(permissions, 'permissions'),
  }
}

/** @throws QError `invalid_schema` */
export function parseDefinition(json: unknown, field: string): FieldType | FieldDefinitionInput {
  const {
    type,
    rank,
    choices = [],
    unindexed = false,
    description = '',
    permissions,
    ...rest
  } = typeof json === 'string' ? { type: json } : objectOf(json, field)
  if (typeof type !== 'string' || !isFieldType(type)) throw invalid(`${field}.type`, 'is no type of fields')
  if (rank !== undefined && typeof rank !== 'number') throw invalid(`${field}.rank`, 'is no number')
  if (!Array.isArray(choices) || !choices.every((choice) => typeof choice === 'string')) {
    throw invalid(`${field}.choices`, 'is no list of texts')
  }
  if (typeof unindexed !== 'boolean') throw invalid(`${field}.unindexed`, 'is neither true nor false')
  if (typeof description !== 'string') throw invalid(`${field}.description`, 'is no text')
  const value = 'default' in rest ? { default: parseDefault(type, rest.default, `${field}.default`) } : {}
  const more = { ...(rank === undefined ? {} : { rank }), ...parsePermissions(permissions, `${field}.permissions`) }
  return { type, choices, unindexed, description, ...value, ...more }
}

function parsePermissions(json: unknown, field: string): { permissions?: Permissions } {
  if (json === undefined) return {}
  const { read = [], write = [] } = objectOf(json, field)
  return { permissions: { read: parseNames(read, `${field}.read`), write: parseNames(write, `${field}.write`) } }
}

function parseNames(json: unknown, field: string): string[] {
  if (Array.isArray(json) && json.every((name) => typeof name === 'string')) return json
  throw invalid(field, 'is no list of names')
}

function parseDefault(type: FieldType, json: unknown, field: string): ValueInput {
  switch (type) {
    case 'Int':
      if (typeof json === 'string' && /^[+-]?\d+$/.test(json)) return BigInt(json)
      break
    case 'Float':
      if (typeof json === 'string' && ['NaN', 'Infinity', '-Infinity'].includes(json)) return Number(json)
      break
    case 'BinaryFile': {
      const { mediaType, content } = objectOf(json, field)
      if (typeof mediaType !== 'string' || typeof content !== 'string') throw invalid(field, 'is no file')
      return { mediaType, content: Buffer.from(content, 'base64') }
    }
    case 'Timestamp':
      if (typeof json === 'string') return Timestamp.parse(json)
      break
    default:
  }
  if (typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return json
  if (Array.isArray(json)) return json.map(String)
  throw invalid(field, 'is no value')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QError('invalid_schema', 'the schema is not JSON', { cause: error })
  }
}

function objectOf(json: unknown, field: string): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
  throw invalid(field, 'is no JSON object')
}

function invalid(field: string, what: string): QError {
  return new QError('invalid_schema', `${field} ${what}`, { field })
}
