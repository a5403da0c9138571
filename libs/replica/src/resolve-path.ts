import { ValueType } from '@qcore/contracts'
import type { ErrorCode } from '@qcore/errors'
import type { EntityState, FieldModel, FieldPath, FieldValue } from '@qcore/model'
import type { EntitySource } from './entity-source.ts'

/** Why a path leads nowhere. */
export interface PathProblem {
  readonly kind: 'problem'
  readonly code: Extract<ErrorCode, 'unknown_entity' | 'unknown_field' | 'invalid_path' | 'broken_path'>
  readonly message: string
  /** What is wrong: the entity that the path starts at, or the path. */
  readonly part: 'entity_id' | 'path'
}

/** Where a path leads. */
export type PathTarget =
  | { readonly kind: 'field'; readonly entity: EntityState; readonly field: FieldModel }
  /** The name, parent or children of an entity whose type has no field of that name. */
  | {
      readonly kind: 'own'
      readonly entity: EntityState
      readonly name: string
      readonly valueType: ValueType
      readonly value: FieldValue
    }

/** The entity that a step leads to, and how many parts of the path it took. */
interface Step {
  readonly kind: 'step'
  readonly entityId: string
  readonly parts: 1 | 2
}

const indexPattern = /^(0|[1-9]\d{0,8})$/

/** Follows a path. Undefined: something on the way is not at hand; the source has noted what. */
export function resolvePath(
  source: EntitySource,
  entityId: string,
  path: FieldPath,
): PathTarget | PathProblem | undefined {
  let entity = source.entity(entityId)
  if (entity === undefined) return undefined
  if (entity === null) return problem('unknown_entity', `there is no entity ${entityId}`, 'entity_id')
  for (let position = 0; position < path.steps.length;) {
    const step = followStep(source, entity, path.steps.slice(position, position + 2))
    if (step === undefined || step.kind === 'problem') return step
    const next = source.entity(step.entityId)
    if (next === undefined) return undefined
    if (next === null) return brokenPath(`${path.steps[position]} of ${entity.id} leads to no entity`)
    entity = next
    position += step.parts
  }
  return readEnd(source, entity, path.field)
}

/** The state of a field that the entity has at the source's revision; types may be newer. */
function fieldNamed(source: EntitySource, entity: EntityState, name: string): FieldModel | undefined {
  const field = source.type(entity.type)?.fieldsByName.get(name)
  return field === undefined || field.position >= entity.fields.length ? undefined : field
}

function followStep(
  source: EntitySource,
  entity: EntityState,
  [name = '', index]: readonly string[],
): Step | PathProblem | undefined {
  const field = fieldNamed(source, entity, name)
  const value = field === undefined ? undefined : entity.fields[field.position]?.value
  if (field?.valueType === ValueType.ENTITY_REFERENCE) {
    return value === '' ? brokenPath(`${name} of ${entity.id} is empty`) : step(value as string, 1)
  }
  if (field?.valueType === ValueType.ENTITY_LIST) {
    const ids = value as readonly string[]
    return followIndex({ name, entity, index }, ids.length, (position) => ids[position])
  }
  if (field === undefined && name === 'Parent') {
    return entity.parentId === '' ? brokenPath(`${entity.id} has no parent`) : step(entity.parentId, 1)
  }
  if (field === undefined && name === 'Children') {
    const children = source.children(entity.id)
    if (children === undefined) return undefined
    return followIndex({ name, entity, index }, children.length, (position) => children.at(position)?.id)
  }
  return followName(source, entity, name)
}

function followIndex(
  { name, entity, index }: { name: string; entity: EntityState; index: string | undefined },
  length: number,
  idAt: (position: number) => string | undefined,
): Step | PathProblem {
  if (index === undefined || !indexPattern.test(index)) {
    return problem('invalid_path', `${name} is a list: an index and a field must follow it`)
  }
  const id = idAt(Number(index))
  return id === undefined ? brokenPath(`${name} of ${entity.id} has ${length} entities, none at ${index}`) : step(id, 2)
}

function followName(source: EntitySource, entity: EntityState, name: string): Step | PathProblem | undefined {
  const children = source.children(entity.id)
  if (children === undefined) return undefined
  const child = children.named(name)
  if (child !== undefined) return step(child.id, 1)
  if (entity.parentId !== '') {
    const parent = source.entity(entity.parentId)
    if (parent === undefined) return undefined
    if (parent?.name === name) return step(parent.id, 1)
  }
  return brokenPath(`${entity.id} has no reference ${name}, and no child or parent of that name`)
}

function readEnd(source: EntitySource, entity: EntityState, name: string): PathTarget | PathProblem | undefined {
  const field = fieldNamed(source, entity, name)
  if (field !== undefined) return { kind: 'field', entity, field }
  switch (name) {
    case 'Name':
      return { kind: 'own', entity, name, valueType: ValueType.STRING, value: entity.name }
    case 'Parent':
      return { kind: 'own', entity, name, valueType: ValueType.ENTITY_REFERENCE, value: entity.parentId }
    case 'Children': {
      const children = source.children(entity.id)
      if (children === undefined) return undefined
      return { kind: 'own', entity, name, valueType: ValueType.ENTITY_LIST, value: children.ids() }
    }
    default:
      return problem('unknown_field', `type ${entity.type} has no field ${name}`)
  }
}

function step(entityId: string, parts: 1 | 2): Step {
  return { kind: 'step', entityId, parts }
}

function problem(code: PathProblem['code'], message: string, part: PathProblem['part'] = 'path'): PathProblem {
  return { kind: 'problem', code, message, part }
}

function brokenPath(message: string): PathProblem {
  return problem('broken_path', message)
}
