import { create } from '@bufbuild/protobuf'
import { requireLevel } from '@qcore/access'
import { AccessLevel, MutationResultSchema, type AlterType, type Mutation, type MutationResult } from '@qcore/contracts'
import { QError, type ErrorCode } from '@qcore/errors'
import { alterSchema, typeModelFromSchema, type TypeModel } from '@qcore/model'
import type { AlterationScan } from '../commit/alteration-scan.ts'
import type { CommitContext } from '../commit/commit-context.ts'
import { GroupBreak } from '../commit/group-break.ts'
import { checkExpression } from '../transformation/check-expression.ts'
import { rootType } from './create-entity.ts'
import { announceSchemaChange } from './announce-schema-change.ts'
import { sameSchema } from './set-schema.ts'
import { planAlteration, planDeletion } from './type-plan.ts'

/** Ids that an error names. */
const mostNamedIds = 20

/**
 * Changes a type step by step.
 *
 * @throws QError `permission_denied`, `unknown_type`, `unknown_field`, `invalid_schema`, `schema_change_refused`,
 *   `conversion_refused`, and what is wrong with a default
 */
export function alterType(context: CommitContext, mutation: Mutation, path: string): MutationResult {
  const { kind } = mutation
  if (kind.case !== 'alterType') throw new Error('this is not the mutation')
  const { state, changes, revision, timeUs, caller } = context
  requireLevel(caller, AccessLevel.ADMIN)
  const previous = existingType(context, kind.value.type, `${path}.type`)
  const drafted = alterSchema(previous, kind.value.steps, { nextFieldId: state.nextFieldId, path })
  checkDefaults(context, kind.value, path)
  const scan = scanOf(context, mutation)
  const result = create(MutationResultSchema)
  result.changed = !sameSchema(previous.schema, drafted.model.schema)
  context.plans?.push(planAlteration(drafted, scan))
  if (scan.obstacleCount > 0 && context.plans === undefined) {
    throw refusal('conversion_refused', `${previous.name} cannot be changed`, { scan, path })
  }
  if (!result.changed || scan.obstacleCount > 0) return result
  drafted.model.schema.revision = BigInt(revision)
  const model = typeModelFromSchema(drafted.model.schema)
  const alteration = { ...drafted, model }
  state.alterType(alteration)
  if (alteration.added.length > 0) {
    state.addFields({ model, fields: alteration.added, revision, timeUs, writer: caller.subject })
  }
  changes.add({
    kind: 'schema',
    model,
    previous,
    conversions: alteration.retyped.map(({ from, to }) => ({ fromId: from.id, toId: to.id })),
  })
  announceSchemaChange(context)
  return result
}

/**
 * Deletes a type that has no entities.
 *
 * @throws QError `permission_denied`, `unknown_type`, `root_protected`, `type_in_use`
 */
export function deleteType(context: CommitContext, mutation: Mutation, path: string): MutationResult {
  const { kind } = mutation
  if (kind.case !== 'deleteType') throw new Error('this is not the mutation')
  requireLevel(context.caller, AccessLevel.ADMIN)
  const previous = existingType(context, kind.value.type, `${path}.type`)
  if (previous.name === rootType) {
    throw new QError('root_protected', 'the type of the root cannot be deleted', { field: `${path}.type` })
  }
  const scan = scanOf(context, mutation)
  context.plans?.push(planDeletion(previous, scan))
  const result = create(MutationResultSchema)
  if (scan.obstacleCount > 0) {
    if (context.plans !== undefined) return result
    throw refusal('type_in_use', `${previous.name} cannot be deleted`, { scan, path })
  }
  context.state.deleteType(previous)
  context.changes.add({ kind: 'schema', model: undefined, previous, conversions: [] })
  announceSchemaChange(context)
  result.changed = true
  return result
}

/** Checks that defaults that are expressions can be compiled. */
function checkDefaults(context: CommitContext, { steps }: AlterType, path: string): void {
  for (const [index, { kind }] of steps.entries()) {
    if (kind.case !== 'addField' && kind.case !== 'retypeField') continue
    const { field } = kind.value
    if (field?.defaultValue?.kind.case !== 'transformation') continue
    const step = kind.case === 'addField' ? 'add_field' : 'retype_field'
    checkExpression(
      context,
      field,
      field.defaultValue.kind.value,
      `${path}.steps[${index}].${step}.field.default_value`,
    )
  }
}

function existingType({ state }: CommitContext, name: string, path: string): TypeModel {
  const model = state.type(name)
  if (model === undefined) throw new QError('unknown_type', `there is no type ${name}`, { field: path })
  return model
}

function scanOf({ state }: CommitContext, mutation: Mutation): AlterationScan {
  const scan = state.scanOf(mutation)
  // Only the first commit of a group is looked at.
  if (scan === undefined) throw new GroupBreak()
  return scan
}

function refusal(code: ErrorCode, what: string, { scan, path }: { scan: AlterationScan; path: string }): QError {
  const { obstacles, obstacleCount } = scan
  const named = obstacles.slice(0, mostNamedIds)
  const list = named.map(({ entityId, field, reason }) => `${entityId}${field === '' ? '' : `.${field}`}: ${reason}`)
  const rest = obstacleCount > named.length ? `; and ${obstacleCount - named.length} more` : ''
  return new QError(code, `${what} for ${obstacleCount} of its values or entities: ${list.join('; ')}${rest}`, {
    field: path,
    metadata: { entity_ids: named.map(({ entityId }) => entityId).join(','), count: `${obstacleCount}` },
  })
}
