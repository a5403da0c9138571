import { ValueType } from '@qcore/contracts'
import type { EntityState, FieldModel, FieldValue } from '@qcore/model'
import type { CheckedPath, CheckedStep } from '../check/checked-query.ts'
import type { QuerySource } from './query-source.ts'

/** A value, and what type of values it is. */
export interface FoundValue {
  readonly valueType: ValueType
  readonly value: FieldValue
  /** The entity that has it. */
  readonly entity: EntityState
  /** Its field; undefined: it is the entity's own name, parent or children. */
  readonly field: FieldModel | undefined
}

/** What is at the end of a path. Null: it leads nowhere; undefined: something on the way is not at hand. */
export function valueAt(path: CheckedPath, start: EntityState, source: QuerySource): FoundValue | null | undefined {
  let entity = start
  for (const step of path.steps) {
    const id = followStep(step, entity, source)
    if (id === '') return null
    const next = source.entity(id)
    if (next === undefined || next === null) return next
    entity = next
  }
  return endOf(path.name, entity, source)
}

/** Types may be newer than the entity: it has the fields that there were. */
function fieldNamed(name: string, entity: EntityState, source: QuerySource): FieldModel | undefined {
  const field = source.type(entity.type)?.fieldsByName.get(name)
  return field === undefined || field.position >= entity.fields.length ? undefined : field
}

/** The id that a step leads to; empty: nowhere. */
function followStep({ name, index, isParent }: CheckedStep, entity: EntityState, source: QuerySource): string {
  const field = fieldNamed(name, entity, source)
  if (field === undefined) return isParent && name === 'Parent' ? entity.parentId : ''
  const value = entity.fields[field.position]?.value
  if (field.valueType === ValueType.ENTITY_REFERENCE && index === undefined) return value as string
  if (field.valueType === ValueType.ENTITY_LIST && index !== undefined) return (value as readonly string[])[index] ?? ''
  return ''
}

function endOf(name: string, entity: EntityState, source: QuerySource): FoundValue | null | undefined {
  const field = fieldNamed(name, entity, source)
  if (field !== undefined) {
    const state = entity.fields[field.position]
    return state === undefined ? null : { valueType: field.valueType, value: state.value, entity, field }
  }
  const own = { entity, field: undefined }
  switch (name) {
    case 'Name':
      return { valueType: ValueType.STRING, value: entity.name, ...own }
    case 'Parent':
      return { valueType: ValueType.ENTITY_REFERENCE, value: entity.parentId, ...own }
    case 'Children': {
      const children = source.children(entity.id)
      return children && { valueType: ValueType.ENTITY_LIST, value: children.ids(), ...own }
    }
    default:
      return null
  }
}
