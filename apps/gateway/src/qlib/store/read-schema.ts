import { isQError, type FieldDefinition, type TypeSchema } from '@qcore/client'
import { QError } from '@qcore/errors'
import { shownTypeName } from '../value/shown-type.ts'
import { isTypeName, type Store } from './store.ts'

/** A field of a type, with what the messages of either dialect hold of it. */
export interface WireFieldSchema {
  readonly name: string
  readonly type: string
  readonly choiceOptions: string[]
  readonly readPermissions: string[]
  readonly writePermissions: string[]
  readonly rank: number
}

/** Reads the fields of a type, in their order. Throws QError `unknown_type`. */
export async function readSchema(store: Store, type: string): Promise<WireFieldSchema[]> {
  if (!isTypeName(type)) throw new QError('unknown_type', `no type ${JSON.stringify(type)}`, { field: 'type' })
  return fieldsOf(store, await store.client.schema(type))
}

function fieldsOf(store: Store, { fields }: TypeSchema): WireFieldSchema[] {
  return Object.entries(fields).map(([name, definition]) => fieldSchema(store, name, definition))
}

function fieldSchema(
  store: Store,
  name: string,
  { type, rank, choices, permissions }: FieldDefinition,
): WireFieldSchema {
  return {
    name,
    type: shownTypeName(type, store.package),
    choiceOptions: [...choices],
    readPermissions: [...permissions.read],
    writePermissions: [...permissions.write],
    rank,
  }
}

/**
 * Finds a field by its name alone, which is what qlib's request has: the types that have it must agree.
 *
 * @throws QError `unknown_field`
 */
export async function findFieldSchema(store: Store, field: string): Promise<WireFieldSchema> {
  const schemas = await Promise.all((await store.client.types()).map((type) => existing(readSchema(store, type))))
  const found = schemas.flatMap((fields) => fields?.filter(({ name }) => name === field) ?? [])
  const [first] = found
  if (first === undefined) throw new QError('unknown_field', `no type has a field ${field}`, { field: 'field' })
  if (found.every(({ type }) => type === first.type)) return first
  throw new QError('unknown_field', `types have different fields ${field}; ask for the schema of one`, {
    field: 'field',
  })
}

/** Undefined for a type that is gone by now. */
async function existing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isQError(error, 'unknown_type')) return undefined
    throw error
  }
}
