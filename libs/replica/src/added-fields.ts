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
