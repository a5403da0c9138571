export { joined } from './tree/query.ts'
export { queryLimits } from './tree/query-limits.ts'
export { assertQuery } from './tree/assert-query.ts'
export { messageFromQuery, queryFromMessage } from './tree/query-message.ts'
export { parseQuery, parseWhere } from './text/parse-query.ts'
export { printQuery, printWhere } from './text/print-query.ts'
export { query, QueryBuilder } from './builder/query-builder.ts'
export { and, JoinedCondition, not, or } from './builder/where-input.ts'
export { checkQuery, namesOf } from './check/check-query.ts'
export { checkCondition } from './check/check-condition.ts'
export { checkPath } from './check/check-path.ts'
export { evaluate } from './evaluate/evaluate.ts'
export { valueAt } from './evaluate/value-at.ts'
export { compareOrdered, orderKeys } from './evaluate/order-keys.ts'
export type { ComparisonSign, Condition, Instant, Literal, Order, Query, Test } from './tree/query.ts'
export type { PathOf } from './builder/query-builder.ts'
export type { LiteralInput } from './builder/literal-input.ts'
export type { AskedAs, Comparisons, FieldConditions, FieldInputs, Where } from './builder/where-input.ts'
export type { CheckContext } from './check/check-query.ts'
export type {
  CheckedCondition,
  CheckedEnd,
  CheckedOrder,
  CheckedPath,
  CheckedQuery,
  CheckedStep,
  CheckedTest,
  ComparedEnd,
  OwnName,
  TypeSource,
} from './check/checked-query.ts'
export type { Ordered, OrderKey } from './evaluate/order-keys.ts'
export type { FoundValue } from './evaluate/value-at.ts'
export type { QuerySource } from './evaluate/query-source.ts'
