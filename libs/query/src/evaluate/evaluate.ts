import { ValueType } from '@qcore/contracts'
import type { EntityState } from '@qcore/model'
import type { CheckedCondition, CheckedEnd, CheckedTest, ComparedEnd } from '../check/checked-query.ts'
import type { ComparisonSign } from '../tree/query.ts'
import { compareValues } from './compare-values.ts'
import type { QuerySource } from './query-source.ts'
import { valueAt, type FoundValue } from './value-at.ts'

/**
 * Whether a condition holds of an entity. Undefined: it depends on entities that are not at hand. Agrees with the statement
 * that a query becomes.
 */
export function evaluate(condition: CheckedCondition, entity: EntityState, source: QuerySource): boolean | undefined {
  switch (condition.kind) {
    case 'all':
      return joinedResult(condition.conditions, false, entity, source)
    case 'any':
      return joinedResult(condition.conditions, true, entity, source)
    case 'not': {
      const result = evaluate(condition.condition, entity, source)
      return result === undefined ? undefined : !result
    }
    default: {
      const found = valueAt(condition.path, entity, source)
      if (found === undefined) return undefined
      return found !== null && holds(condition, found)
    }
  }
}

/** @param decisive the result of a part that decides alone */
function joinedResult(
  conditions: readonly CheckedCondition[],
  decisive: boolean,
  entity: EntityState,
  source: QuerySource,
): boolean | undefined {
  let result: boolean | undefined = !decisive
  for (const condition of conditions) {
    const part = evaluate(condition, entity, source)
    if (part === decisive) return decisive
    if (part === undefined) result = undefined
  }
  return result
}

function holds(test: CheckedTest, found: FoundValue): boolean {
  switch (test.kind) {
    case 'compare': {
      const end = endFor(test.ends, found)
      return (
        end?.values.some((value) => compares(test.sign, compareValues(found.valueType, found.value, value))) ?? false
      )
    }
    case 'in': {
      const end = endFor(test.ends, found)
      return end?.values.some((value) => compareValues(found.valueType, found.value, value) === 0) ?? false
    }
    case 'contains':
    case 'starts_with':
      return endFor(test.ends, found) !== undefined && matchesText(test.kind, test.text, found)
    case 'exists':
      return isThere(found)
  }
}

function endFor<End extends CheckedEnd | ComparedEnd>(
  ends: readonly End[],
  { valueType }: FoundValue,
): End | undefined {
  return ends.find((end) => end.valueType === valueType)
}

function compares(sign: ComparisonSign, order: number): boolean {
  switch (sign) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

function matchesText(kind: 'contains' | 'starts_with', text: string, { valueType, value }: FoundValue): boolean {
  if (valueType === ValueType.ENTITY_LIST) return (value as readonly string[]).includes(text)
  return kind === 'contains' ? (value as string).includes(text) : (value as string).startsWith(text)
}

function isThere({ valueType, value }: FoundValue): boolean {
  if (valueType === ValueType.ENTITY_REFERENCE) return value !== ''
  return valueType !== ValueType.ENTITY_LIST || (value as readonly string[]).length > 0
}
