import { ValueType } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { FieldModel, TypeModel } from '@qcore/model'
import { parseQueryPath, type QueryStep } from '../tree/query-path.ts'
import type { CheckedEnd, CheckedPath, CheckedStep, OwnName, TypeSource } from './checked-query.ts'

const ownTypes: Readonly<Record<OwnName, ValueType>> = {
  Name: ValueType.STRING,
  Parent: ValueType.ENTITY_REFERENCE,
  Children: ValueType.ENTITY_LIST,
}

/**
 * Finds out where a path may lead from entities of a type.
 *
 * @param field what to name in an error
 * @throws QError `invalid_path`, `unknown_field`
 */
export function checkPath(
  text: string,
  { type, types, field }: { type: TypeModel; types: TypeSource; field: string },
): CheckedPath {
  const { steps, end } = parseQueryPath(text, field)
  const typesWith = new Map<string, string[]>()
  /** Types that the entity may be of: the first is known, the others are any. */
  let candidates: readonly TypeModel[] = [type]
  const all = steps.length === 0 ? [] : allTypes(types)
  const note = (name: string): void => {
    if (typesWith.has(name)) return
    const withField = all.filter(({ fieldsByName }) => fieldsByName.has(name)).map((each) => each.name)
    // Of what may not be seen, the name, the parent and the children may not either.
    typesWith.set(name, [...withField, ...(types.hidden ?? [])])
  }
  const checked = steps.map((step, position) => {
    const found = checkStep(step, { candidates, isFirst: position === 0, text, field })
    note(step.name)
    candidates = all
    return found
  })
  note(end)
  return { text, steps: checked, name: end, ends: endsOf(end, { candidates, text, field }), typesWith }
}

function allTypes(types: TypeSource): TypeModel[] {
  return types.names.flatMap((name) => types.get(name) ?? [])
}

interface StepPlace {
  readonly candidates: readonly TypeModel[]
  readonly isFirst: boolean
  readonly text: string
  readonly field: string
}

function checkStep({ name, index }: QueryStep, { candidates, isFirst, text, field }: StepPlace): CheckedStep {
  const fields = candidates.flatMap(({ fieldsByName }) => fieldsByName.get(name) ?? [])
  const idsOf = (valueType: ValueType): number[] =>
    fields.filter((each) => each.valueType === valueType).map(({ id }) => id)
  const references = index === undefined ? idsOf(ValueType.ENTITY_REFERENCE) : []
  const lists = index === undefined ? [] : idsOf(ValueType.ENTITY_LIST)
  const isParent =
    index === undefined && name === 'Parent' && candidates.some(({ fieldsByName }) => !fieldsByName.has(name))
  if (references.length > 0 || lists.length > 0 || isParent) return { name, references, lists, index, isParent }
  if (fields.length === 0) {
    const [type] = candidates
    const owner = isFirst && type !== undefined ? `type ${type.name} has` : 'no type has'
    throw new QError('unknown_field', `${owner} ${isFirst ? 'no' : 'a'} field ${name}, a step of ${text}`, { field })
  }
  const reason =
    index !== undefined
      ? `${name} is not a list, so that no index follows it`
      : fields.some(({ valueType }) => valueType === ValueType.ENTITY_LIST)
        ? `${name} is a list: an index and a field must follow it`
        : `${name} refers to no entity`
  throw new QError('invalid_path', `${text}: ${reason}`, { field })
}

function endsOf(
  name: string,
  { candidates, text, field }: { candidates: readonly TypeModel[]; text: string; field: string },
): CheckedEnd[] {
  const byType = new Map<ValueType, FieldModel[]>()
  for (const { fieldsByName } of candidates) {
    const model = fieldsByName.get(name)
    if (model === undefined) continue
    const known = byType.get(model.valueType)
    if (known === undefined) byType.set(model.valueType, [model])
    else known.push(model)
  }
  const own = candidates.some(({ fieldsByName }) => !fieldsByName.has(name)) ? ownName(name) : undefined
  if (own !== undefined && !byType.has(ownTypes[own])) byType.set(ownTypes[own], [])
  if (byType.size === 0) {
    const [type] = candidates
    const owner = candidates.length === 1 && type !== undefined ? `type ${type.name} has no` : 'no type has a'
    throw new QError('unknown_field', `${owner} field ${name}${text === name ? '' : `, the end of ${text}`}`, { field })
  }
  return [...byType].map(([valueType, fields]) => ({
    valueType,
    fields,
    own: own !== undefined && ownTypes[own] === valueType ? own : undefined,
  }))
}

function ownName(name: string): OwnName | undefined {
  return name === 'Name' || name === 'Parent' || name === 'Children' ? name : undefined
}
