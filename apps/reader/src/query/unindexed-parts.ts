import {
  printWhere,
  type CheckedCondition,
  type CheckedQuery,
  type Condition,
  type Query,
  type TypeSource,
} from '@qcore/query'
import { sql } from './sql.ts'
import { probeOf } from './probe-sql.ts'
import { directCondition } from './query-plan.ts'
import { targetOf } from './key-column.ts'

/** The parts of a query that no index leads to, as text. */
export function unindexedParts({
  tree,
  checked,
  types,
}: {
  tree: Query
  checked: CheckedQuery
  types: TypeSource
}): string[] {
  const context = { type: checked.type.name, types, name: '', limit: sql`` }
  const conditions =
    tree.where === undefined || checked.where === undefined
      ? []
      : partsOf(tree.where, checked.where, (part) => {
          const direct = directCondition(part, context.type)
          // Of the entity itself every range of keys can be read from the index, however much it is.
          return direct !== undefined
            ? direct.target.kind === 'field' || direct.target.name === 'Name' || probeOf(part, context) !== undefined
            : probeOf(part, context) !== undefined
        })
  const [first] = checked.order
  const target = first && targetOf(first.path, context.type)
  const isOrdered = first === undefined || (target !== undefined && (target.kind === 'field' || target.name === 'Name'))
  return isOrdered ? conditions : [...conditions, `ORDER BY ${first.path.text}`]
}

function partsOf(tree: Condition, checked: CheckedCondition, isIndexed: (part: CheckedCondition) => boolean): string[] {
  if (tree.kind === 'all' && checked.kind === 'all') {
    return tree.conditions.flatMap((part, index) => {
      const checkedPart = checked.conditions[index]
      return checkedPart === undefined ? [] : partsOf(part, checkedPart, isIndexed)
    })
  }
  return isIndexed(checked) ? [] : [printWhere(tree)]
}
