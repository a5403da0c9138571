import { ValueType, type FieldFilter, type FindEntitiesRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { checkedFieldValue, indexKey, indexKind, limits, type FieldModel, type TypeModel } from '@qcore/model'
import { intersect, intervalsOf, onlyKey, type Interval, type Key } from './interval.ts'

/** The keys that a field may have. */
export interface Condition {
  readonly field: FieldModel
  /** Ascending; never empty. */
  readonly intervals: readonly Interval[]
}

/** A field to read of each entity found; undefined: the name, the parent or the children of the entity itself. */
export interface Selection {
  readonly name: string
  readonly field: FieldModel | undefined
}

/** What a find looks for. */
export interface FindPlan {
  readonly type: TypeModel
  /** One a field that is filtered by. */
  readonly conditions: readonly Condition[]
  /** Filters contradict each other: nothing can be found. */
  readonly isEmpty: boolean
  /** Undefined: by id. */
  readonly orderField: FieldModel | undefined
  readonly isDescending: boolean
  readonly limit: number
  readonly selections: readonly Selection[]
}

const defaultLimit = 100
const ownNames: ReadonlySet<string> = new Set(['Name', 'Parent', 'Children'])

/** Throws `unknown_field`, `invalid_filter`, `type_mismatch`, `value_out_of_range`, `unknown_choice`; they name the part. */
export function planFind(request: FindEntitiesRequest, type: TypeModel): FindPlan {
  const conditions = new Map<number, Condition>()
  for (const [index, filter] of request.filters.entries()) {
    const { field, intervals } = conditionOf(filter, type, `filters[${index}]`)
    const known = conditions.get(field.id)
    conditions.set(field.id, { field, intervals: known ? intersect(known.intervals, intervals) : intervals })
  }
  const list = [...conditions.values()]
  return {
    type,
    conditions: list,
    isEmpty: list.some(({ intervals }) => intervals.length === 0),
    orderField: request.order && indexedField(type, request.order.field, 'order.field'),
    isDescending: request.order?.descending ?? false,
    limit: request.limit === 0 ? defaultLimit : request.limit,
    selections: request.select.map((name, index) => selectionOf(type, name, `select[${index}]`)),
  }
}

function conditionOf(filter: FieldFilter, type: TypeModel, path: string): Condition {
  const field = indexedField(type, filter.field, `${path}.field`)
  const key = keyOf(field, filter, `${path}.value`)
  const intervals = intervalsOf(filter.comparison, key)
  if (intervals === undefined) {
    throw new QError('invalid_filter', 'this is not a comparison', { field: `${path}.comparison` })
  }
  return { field, intervals }
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

function selectionOf(type: TypeModel, name: string, path: string): Selection {
  const field = type.fieldsByName.get(name)
  if (field === undefined && !ownNames.has(name)) {
    throw new QError('unknown_field', `type ${type.name} has no field ${name}`, { field: path })
  }
  return { name, field }
}

/** The most selective first, as far as that can be told from the conditions alone. */
export function bySelectivity(conditions: readonly Condition[]): Condition[] {
  return [...conditions].sort((a, b) => rank(a) - rank(b))
}

function rank({ field, intervals }: Condition): number {
  if (onlyKey(intervals) !== undefined) {
    return field.valueType === ValueType.BOOL ? 2 : field.valueType === ValueType.CHOICE ? 1 : 0
  }
  const [first] = intervals
  if (intervals.length > 1 || first === undefined) return 5
  return first.low !== undefined && first.high !== undefined ? 3 : 4
}
