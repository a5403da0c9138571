import { QError, type FieldType, type TypeSchema } from '@qcore/client'

/** The type of a field. Throws QError `unknown_field`. */
export function fieldTypeOf({ type, fields }: TypeSchema, field: string): FieldType {
  const definition = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (definition !== undefined) return definition.type
  const names = Object.keys(fields).join(', ')
  throw new QError('unknown_field', `${type} has no field ${field}; it has ${names === '' ? 'none' : names}`, { field })
}
