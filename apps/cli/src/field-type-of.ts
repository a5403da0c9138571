import { QError, type Client, type FieldType, type TypeSchema } from '@qcore/client'

/** The type of a field. Throws QError `unknown_field`. */
export function fieldTypeOf({ type, fields }: TypeSchema, field: string): FieldType {
  const definition = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (definition !== undefined) return definition.type
  const names = Object.keys(fields).join(', ')
  throw new QError('unknown_field', `${type} has no field ${field}; it has ${names === '' ? 'none' : names}`, { field })
}

/** The type of a field of an entity, or of the one that a path ends in. */
export async function typeOfField(q: Client, id: string, field: string): Promise<FieldType> {
  if (field.includes('->')) return (await q.read(id, field)).type
  return fieldTypeOf(await q.schema((await q.get(id)).type), field)
}
