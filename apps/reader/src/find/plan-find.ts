import { Comparison, type FieldFilter, type FindEntitiesRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { checkedFieldValue, indexKey, indexKind, limits, type FieldModel, type TypeModel } from '@qcore/model'
import type { ComparisonSign } from '@qcore/query'
import { intervalsOf, type Key } from '../query/interval.ts'
import type { Target } from '../query/key-column.ts'
import { standardDriving } from '../query/probe.ts'
import { addCondition, type Condition, type QueryPlan } from '../query/query-plan.ts'
import type { OwnColumn } from '../query/selection-sql.ts'

const defaultLimit = 100
const ownNames = ['Name', 'Parent', 'Children'] as const

const signs: Readonly<Record<number, ComparisonSign>> = {
  [Comparison.EQUAL]: '=',
  [Comparison.NOT_EQUAL]: '!=',
  [Comparison.LESS]: '<',
  [Comparison.LESS_OR_EQUAL]: '<=',
  [Comparison.GREATER]: '>',
  [Comparison.GREATER_OR_EQUAL]: '>=',
}

/** Throws `unknown_field`, `invalid_filter`, `type_mismatch`, `value_out_of_range`, `unknown_choice`; they name the part. */
export function planFind(request: FindEntitiesRequest, type: TypeModel): { plan: QueryPlan; columns: OwnColumn[] } {
  const conditions = new Map<string, Condition>()
  for (const [index, filter] of request.filters.entries()) {
    addCondition(conditions, conditionOf(filter, type, `filters[${index}]`))
  }
  const list = [...conditions.values()]
  const { order } = request
  const target = order && fieldTarget(indexedField(type, order.field, 'order.field'))
  const plan: QueryPlan = {
    type,
    conditions: list,
    checks: [],
    isEmpty: list.some(({ intervals }) => intervals.length === 0),
    order: target === undefined ? [] : [{ by: target, descending: order?.descending ?? false }],
    limit: request.limit === 0 ? defaultLimit : request.limit,
    mostDriving: standardDriving,
  }
  return { plan, columns: request.select.map((name, index) => columnOf(type, name, `select[${index}]`)) }
}

function conditionOf(filter: FieldFilter, type: TypeModel, path: string): Condition {
  const field = indexedField(type, filter.field, `${path}.field`)
  const key = keyOf(field, filter, `${path}.value`)
  const sign = signs[filter.comparison]
  if (sign === undefined) {
    throw new QError('invalid_filter', 'this is not a comparison', { field: `${path}.comparison` })
  }
  return { target: fieldTarget(field), intervals: intervalsOf(sign, key) }
}

function fieldTarget(field: FieldModel): Target {
  return { kind: 'field', field }
}

function indexedField(type: TypeModel, name: string, path: string): FieldModel {
  const field = type.fieldsByName.get(name)
  if (field === undefined) {
    throw new QError('unknown_field', `type ${type.name} has no field ${name}`, { field: path })
  }
  if (!field.indexed) {
    throw new QError('invalid_filter', `the field ${name} is not indexed: nothing can be found by it`, { field: path })
  }
  return field
}

function keyOf(field: FieldModel, filter: FieldFilter, path: string): Key {
  const value = checkedFieldValue(field, filter.value, path)
  const isText = indexKind(field.valueType) === 'text'
  if (isText && Buffer.byteLength(value as string) >= limits.indexedTextBytes) {
    const text = `a text to compare with has at most ${limits.indexedTextBytes - 1} bytes of UTF-8`
    throw new QError('invalid_filter', text, { field: path })
  }
  const indexed = indexKey(field.valueType, value)
  if (indexed === undefined) throw new QError('invalid_filter', 'the value cannot be compared', { field: path })
  return indexed.key
}

function columnOf(type: TypeModel, name: string, path: string): OwnColumn {
  const field = type.fieldsByName.get(name)
  if (field !== undefined) return { kind: 'field', field }
  const own = ownNames.find((each) => each === name)
  if (own !== undefined) return { kind: 'own', name: own }
  throw new QError('unknown_field', `type ${type.name} has no field ${name}`, { field: path })
}
