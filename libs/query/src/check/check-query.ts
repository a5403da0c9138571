import { QError } from '@qcore/errors'
import { valueTypeName, type TypeModel } from '@qcore/model'
import type { Order, Query } from '../tree/query.ts'
import { checkCondition } from './check-condition.ts'
import { checkPath } from './check-path.ts'
import type { CheckedCondition, CheckedOrder, CheckedPath, CheckedQuery, TypeSource } from './checked-query.ts'
import { assertIndexed } from './indexed-end.ts'

/** What is checked: the type that entities are of, and all types, for paths. */
export interface CheckContext {
  readonly type: TypeModel
  readonly types: TypeSource
}

/**
 * Checks a query against the schemas.
 *
 * @throws QError `unknown_type`, `unknown_field`, `invalid_path`, `type_mismatch`, `unknown_choice`, `value_out_of_range`,
 *   `unindexed_field`; they name the part
 */
export function checkQuery(query: Query, types: TypeSource): CheckedQuery {
  const type = types.get(query.type)
  if (type === undefined) throw new QError('unknown_type', `there is no type ${query.type}`, { field: 'type' })
  const context: CheckContext = { type, types }
  const columns = query.select[0] === '*' ? type.schema.fields.map(({ name }) => name) : query.select
  return {
    type,
    where: query.where && checkCondition(query.where, context, 'where'),
    order: query.order.map((order, index) => checkOrder(order, context, `order[${index}].path`)),
    select: columns.map((path, index) => checkPath(path, { ...context, field: `select[${index}]` })),
    limit: query.limit,
    count: query.count,
  }
}

function checkOrder({ path: text, descending }: Order, context: CheckContext, field: string): CheckedOrder {
  const path = checkPath(text, { ...context, field })
  const [end, ...others] = path.ends
  if (end === undefined || others.length > 0) {
    const types = path.ends.map(({ valueType }) => valueTypeName(valueType)).join(' and ')
    throw new QError('type_mismatch', `${text} leads to fields of several types, ${types}: they have no order`, {
      field,
    })
  }
  assertIndexed(path, end, field)
  return { path, valueType: end.valueType, descending }
}

/** The names that a query depends on, with which entities it finds and in which order: of fields, and of steps. */
export function namesOf({ where, order }: Pick<CheckedQuery, 'where' | 'order'>): Set<string> {
  const names = new Set<string>()
  const add = (path: CheckedPath): void => {
    for (const { name } of path.steps) names.add(name)
    names.add(path.name)
  }
  const visit = (condition: CheckedCondition): void => {
    switch (condition.kind) {
      case 'all':
      case 'any':
        return condition.conditions.forEach(visit)
      case 'not':
        return visit(condition.condition)
      default:
        return add(condition.path)
    }
  }
  if (where !== undefined) visit(where)
  for (const { path } of order) add(path)
  return names
}
