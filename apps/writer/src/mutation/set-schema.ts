import { clone, create, equals } from '@bufbuild/protobuf'
import { requireLevel } from '@qcore/access'
import {
  AccessLevel,
  MutationResultSchema,
  TypeSchemaSchema,
  type MutationResult,
  type SetSchema,
  type TypeSchema,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { completeSchema, typeModelFromSchema, type TypeModel } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { checkExpression } from '../transformation/check-expression.ts'
import { announceSchemaChange } from './announce-schema-change.ts'

/**
 * Creates or replaces a schema.
 *
 * @throws QError `permission_denied`, `invalid_schema`, `schema_change_refused`, `invalid_expression`, and what is wrong with a default
 */
export function setSchema(context: CommitContext, mutation: SetSchema, path: string): MutationResult {
  requireLevel(context.caller, AccessLevel.ADMIN)
  if (mutation.schema === undefined) {
    throw new QError('invalid_request', 'the schema is missing', { field: `${path}.schema` })
  }
  const result = create(MutationResultSchema)
  result.changed = storeSchema(context, mutation.schema, `${path}.schema`)
  return result
}

/** Stores a schema; returns whether it changes anything. */
export function storeSchema(context: CommitContext, given: TypeSchema, path: string): boolean {
  const { state, changes, revision } = context
  const previous = state.type(given.type)
  const schema = completeSchema(given, { previous, nextFieldId: state.nextFieldId, path })
  if (previous !== undefined && sameSchema(previous.schema, schema)) return false
  schema.revision = BigInt(revision)
  const model = typeModelFromSchema(schema)
  for (const field of model.fields) {
    const index = given.fields.findIndex(({ name }) => name === field.name)
    checkExpression(context, field, field.defaultValue, `${path}.fields[${index}].default_value`)
  }
  state.setType(model)
  state.nextFieldId = model.fields.reduce((next, field) => Math.max(next, field.id + 1), state.nextFieldId)
  const earlier = changes.schemaChange(model.name)
  if (earlier === undefined) changes.add({ kind: 'schema', model, previous, conversions: [] })
  else earlier.model = model
  if (previous !== undefined && model.fields.length > previous.fields.length) addFields(context, model, previous)
  announceSchemaChange(context)
  return true
}

/** Whether two schemas are the same but for the revision. */
export function sameSchema(previous: TypeSchema, next: TypeSchema): boolean {
  const compared = clone(TypeSchemaSchema, previous)
  compared.revision = next.revision
  return equals(TypeSchemaSchema, compared, next)
}

/** Gives existing entities the added fields. */
function addFields({ state, revision, timeUs, caller }: CommitContext, model: TypeModel, previous: TypeModel): void {
  const fields = model.fields.slice(previous.fields.length)
  state.addFields({ model, fields, revision, timeUs, writer: caller.subject })
}
