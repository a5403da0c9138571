import type { SchemaChanged } from '@qcore/contracts'
import { typeModelFromSchema, type TypeModel } from '@qcore/model'
import { defaultMessage, packField, type PackedField } from './packed-field.ts'

/** When and by whom something was committed. */
export interface CommitFacts {
  readonly revision: number
  readonly commitTimeUs: number
  readonly writer: string
}

/** Fields that a type got. */
export interface AddedFields {
  /** With the fields. */
  readonly model: TypeModel
  /** Where they stand among the type's fields. */
  readonly position: number
  /** What existing entities hold in them. */
  readonly fields: readonly PackedField[]
}

/** The type that a change of a schema is of. */
export function typeOfChange({ schema, previous }: SchemaChanged): string {
  return schema?.type ?? previous?.type ?? ''
}

/**
 * Whether a change of a schema does more to the entities of the type than to add fields, or orders their children anew:
 * what is kept of them has to be loaded again.
 */
export function reshapes({ schema, previous }: SchemaChanged): boolean {
  if (previous === undefined) return false
  if (schema === undefined || schema.childOrder !== previous.childOrder) return true
  const names = new Map(schema.fields.map(({ id, name }) => [id, name]))
  return previous.fields.some(({ id, name }) => names.get(id) !== name)
}

/** The fields that a schema change added. */
export function addedFields(
  { schema, previous }: SchemaChanged,
  { commitTimeUs, writer, revision }: CommitFacts,
): AddedFields | undefined {
  if (schema === undefined) return undefined
  const model = typeModelFromSchema(schema)
  const position = previous?.fields.length ?? 0
  const facts = { writeTimeUs: commitTimeUs, writer, revision }
  const fields = model.fields.slice(position).map((field) => packField(defaultMessage(field), facts))
  return { model, position, fields }
}
