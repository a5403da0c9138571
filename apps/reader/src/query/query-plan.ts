import { ValueType } from '@qcore/contracts'
import type { TypeModel } from '@qcore/model'
import type { CheckedCondition, CheckedPath, CheckedQuery } from '@qcore/query'
import { complement, intersect, onlyKey, pointKeys, unite, type Interval } from './interval.ts'
import { targetId, targetOf, type Target } from './key-column.ts'
import { standardDriving } from './probe.ts'
import { endKeys } from './test-keys.ts'

/** The keys that a field, or the name or parent, of an entity may have. */
export interface Condition {
  readonly target: Target
  /** Ascending; never empty. */
  readonly intervals: readonly Interval[]
}

/** What a query is ordered by: keys of the entity itself, or what is at the end of a path with steps. */
export interface PlanOrder {
  readonly by: Target | { readonly kind: 'path'; readonly path: CheckedPath }
  readonly descending: boolean
}

/** How a query is answered. */
export interface QueryPlan {
  readonly type: TypeModel
  /** One a target; all must hold. */
  readonly conditions: readonly Condition[]
  /** What must hold besides. */
  readonly checks: readonly CheckedCondition[]
  /** Conditions contradict each other: nothing can be found. */
  readonly isEmpty: boolean
  /** Then by id. */
  readonly order: readonly PlanOrder[]
  /** Entities of a page. */
  readonly limit: number
  /** A condition that lets at most so many entities through is driven by. */
  readonly mostDriving: number
  /** Entities that are left out. */
  readonly without?: Without
}

/** Entities that are left out. */
export interface Without {
  readonly ids: readonly string[]
  /** Those that were created after this revision, too. */
  readonly createdAfter: number | undefined
}

/** @param limit entities of a page */
export function planQuery(query: CheckedQuery, limit: number): QueryPlan {
  const parts = query.where === undefined ? [] : conjuncts(query.where)
  const conditions = new Map<string, Condition>()
  const checks: CheckedCondition[] = []
  for (const part of parts) {
    const condition = directCondition(part, query.type.name)
    if (condition === undefined) checks.push(part)
    else addCondition(conditions, condition)
  }
  const list = [...conditions.values()]
  return {
    type: query.type,
    conditions: list,
    checks,
    isEmpty: list.some(({ intervals }) => intervals.length === 0),
    order: query.order.map(({ path, descending }) => ({
      by: targetOf(path, query.type.name) ?? { kind: 'path', path },
      descending,
    })),
    limit,
    mostDriving: standardDriving,
  }
}

/** What must all hold. */
export function conjuncts(condition: CheckedCondition): readonly CheckedCondition[] {
  return condition.kind === 'all' ? condition.conditions.flatMap(conjuncts) : [condition]
}

/** Adds a condition to those of other targets; two of one become one. */
export function addCondition(conditions: Map<string, Condition>, { target, intervals }: Condition): void {
  const id = targetId(target)
  const known = conditions.get(id)
  conditions.set(id, { target, intervals: known ? intersect(known.intervals, intervals) : intervals })
}

/** A condition as keys of one target of the entity itself, if it is that. */
export function directCondition(condition: CheckedCondition, type: string): Condition | undefined {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const parts = condition.conditions.map((part) => directCondition(part, type))
      const combine = condition.kind === 'all' ? intersect : unite
      return parts.reduce((a, b) => {
        if (a === undefined || b === undefined || targetId(a.target) !== targetId(b.target)) return undefined
        return { target: a.target, intervals: combine(a.intervals, b.intervals) }
      })
    }
    case 'not': {
      const part = directCondition(condition.condition, type)
      return part && { target: part.target, intervals: complement(part.intervals) }
    }
    default: {
      const target = targetOf(condition.path, type)
      const keys = endKeys(condition)?.[0]
      return target && keys && { target, intervals: keys.intervals }
    }
  }
}

/** The most selective first, as far as that can be told from the conditions alone. */
export function bySelectivity(conditions: readonly Condition[]): Condition[] {
  return [...conditions].sort((a, b) => selectivity(a) - selectivity(b))
}

/** Smaller is more selective. */
export function selectivity({ target, intervals }: Condition): number {
  if (onlyKey(intervals) !== undefined) {
    const valueType = target.kind === 'own' ? ValueType.STRING : target.field.valueType
    return valueType === ValueType.BOOL ? 2 : valueType === ValueType.CHOICE ? 1 : 0
  }
  if (pointKeys(intervals) !== undefined) return 2.5
  const [first] = intervals
  if (intervals.length > 1 || first === undefined) return 5
  return first.low !== undefined && first.high !== undefined ? 3 : 4
}
