import { create } from '@bufbuild/protobuf'
import {
  AlterStepSchema,
  AlterTypeSchema,
  FieldPlanKind,
  type AlterStep as AlterStepMessage,
  type AlterType as AlterTypeMessage,
  type TypePlan as TypePlanMessage,
} from '@qcore/contracts'
import type { FieldType } from '../values/field-type.ts'
import {
  childOrderMessage,
  messageFromDefinition,
  schemaFromMessage,
  type ChildOrder,
  type FieldDefinitionInput,
  type TypeSchema,
} from './schema.ts'

/** A step by which a type is changed. Each names fields as the steps before leave them. */
export type AlterStep =
  | { readonly add: string; readonly field: FieldType | FieldDefinitionInput }
  | { readonly remove: string }
  | { readonly rename: string; readonly to: string }
  /** What entities hold is converted, or the commit is refused. */
  | { readonly retype: string; readonly field: FieldType | FieldDefinitionInput }
  /** All fields, in their order. */
  | { readonly reorder: readonly string[] }
  | { readonly uniqueChildNames: boolean }
  | { readonly childOrder: ChildOrder }

/** What a change of a type would do. */
export interface TypePlan {
  readonly type: string
  /** As it would be; undefined if it would be deleted. */
  readonly schema: TypeSchema | undefined
  readonly previous: TypeSchema | undefined
  /** How many entities of the type there are. */
  readonly entities: number
  readonly fields: readonly FieldPlan[]
  /** What stands in the way; the first 1,000. */
  readonly obstacles: readonly { readonly entityId: string; readonly field: string; readonly reason: string }[]
  readonly obstacleCount: number
}

/** What would become of a field. */
export interface FieldPlan {
  readonly field: string
  readonly kind: 'added' | 'removed' | 'renamed' | 'retyped'
  /** If it would be renamed; otherwise empty. */
  readonly previousName: string
  /** How many values would be added, removed or converted. */
  readonly values: number
  readonly indexedBefore: boolean
  readonly indexedAfter: boolean
  /** How many references to entities the values hold now. */
  readonly references: number
}

/** @throws QError `invalid_schema`, `type_mismatch`, `value_out_of_range` */
export function alterMessage(type: string, steps: readonly AlterStep[]): AlterTypeMessage {
  return create(AlterTypeSchema, { type, steps: steps.map(stepMessage) })
}

function stepMessage(step: AlterStep): AlterStepMessage {
  if ('add' in step) {
    const field = messageFromDefinition(step.add, step.field)
    return create(AlterStepSchema, { kind: { case: 'addField', value: { field } } })
  }
  if ('retype' in step) {
    const field = messageFromDefinition(step.retype, step.field)
    return create(AlterStepSchema, { kind: { case: 'retypeField', value: { field } } })
  }
  if ('remove' in step) return create(AlterStepSchema, { kind: { case: 'removeField', value: { field: step.remove } } })
  if ('rename' in step) {
    return create(AlterStepSchema, { kind: { case: 'renameField', value: { field: step.rename, name: step.to } } })
  }
  if ('reorder' in step) {
    return create(AlterStepSchema, { kind: { case: 'reorderFields', value: { fields: [...step.reorder] } } })
  }
  if ('uniqueChildNames' in step) {
    const { uniqueChildNames } = step
    return create(AlterStepSchema, { kind: { case: 'setChildRules', value: { uniqueChildNames } } })
  }
  const childOrder = childOrderMessage(step.childOrder)
  return create(AlterStepSchema, { kind: { case: 'setChildRules', value: { childOrder } } })
}

const planKinds: Readonly<Record<number, FieldPlan['kind']>> = {
  [FieldPlanKind.ADDED]: 'added',
  [FieldPlanKind.REMOVED]: 'removed',
  [FieldPlanKind.RENAMED]: 'renamed',
  [FieldPlanKind.RETYPED]: 'retyped',
}

export function planFromMessage(message: TypePlanMessage): TypePlan {
  const { type, schema, previous, entities, fields, obstacles, obstacleCount } = message
  return {
    type,
    schema: schema && schemaFromMessage(schema),
    previous: previous && schemaFromMessage(previous),
    entities: Number(entities),
    fields: fields.flatMap(({ field, kind, previousName, values, indexedBefore, indexedAfter, references }) => {
      const known = planKinds[kind]
      if (known === undefined) return []
      const counts = { values: Number(values), references: Number(references) }
      return [{ field, kind: known, previousName, indexedBefore, indexedAfter, ...counts }]
    }),
    obstacles: obstacles.map(({ entityId, field, reason }) => ({ entityId, field, reason })),
    obstacleCount: Number(obstacleCount),
  }
}
