import { create } from '@bufbuild/protobuf'
import { FieldResultSchema, FieldSchema, type Field, type FieldRead, type FieldResult } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { messageFromField, messageFromFieldValue, parsePath } from '@qcore/model'
import { resolvePath, type EntitySource, type PathTarget } from '@qcore/replica'
import { problem } from '../problem.ts'

/** The result of a read; without outcome if something on the way is not cached. */
export function fieldResult(source: EntitySource, read: FieldRead, index: number): FieldResult {
  const result = create(FieldResultSchema)
  try {
    const path = parsePath(read.path, `reads[${index}].path`)
    const target = resolvePath(source, read.entityId, path)
    if (target?.kind === 'problem') {
      const value = problem(target.code, target.message, `reads[${index}].${target.part}`)
      result.outcome = { case: 'problem', value }
    } else if (target !== undefined) {
      const value = messageFromTarget(target, { isNamed: path.steps.length > 0 })
      if (value !== undefined) result.outcome = { case: 'field', value }
    }
  } catch (error) {
    if (!isQError(error, 'invalid_path')) throw error
    result.outcome = { case: 'problem', value: problem(error.code, error.message, error.field) }
  }
  return result
}

/** `isNamed`: the caller cannot know the entity and the field. */
export function messageFromTarget(target: PathTarget, { isNamed }: { isNamed: boolean }): Field | undefined {
  const { entity } = target
  if (target.kind === 'field') {
    const { name, valueType, position } = target.field
    const state = entity.fields[position]
    return state && messageFromField(valueType, state, isNamed ? { entityId: entity.id, name } : undefined)
  }
  const field = create(FieldSchema)
  field.value = messageFromFieldValue(target.valueType, target.value)
  // They are not written as fields are: there is no write time and no writer.
  field.revision = target.name === 'Children' ? 0n : BigInt(entity.structureRevision)
  if (isNamed) {
    field.entityId = entity.id
    field.name = target.name
  }
  return field
}
