import { create } from '@bufbuild/protobuf'
import {
  Comparison,
  QueryComparisonSchema,
  QueryConditionSchema,
  QueryConditionsSchema,
  QueryMembershipSchema,
  QueryOrderSchema,
  QuerySchema,
  QueryTextMatchSchema,
  ValueSchema,
  type Query as QueryMessage,
  type QueryCondition,
  type Value,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { microsFromTimestamp, timestampFromMicros } from '@qcore/model'
import { assertQuery } from './assert-query.ts'
import { joined, type ComparisonSign, type Condition, type Literal, type Query } from './query.ts'

const comparisons: Readonly<Record<ComparisonSign, Comparison>> = {
  '=': Comparison.EQUAL,
  '!=': Comparison.NOT_EQUAL,
  '<': Comparison.LESS,
  '<=': Comparison.LESS_OR_EQUAL,
  '>': Comparison.GREATER,
  '>=': Comparison.GREATER_OR_EQUAL,
}

const signs = new Map(Object.entries(comparisons).map(([sign, comparison]) => [comparison, sign as ComparisonSign]))

/** The message for a query. Throws what `assertQuery` throws. */
export function messageFromQuery(query: Query): QueryMessage {
  assertQuery(query)
  const message = create(QuerySchema, {
    type: query.type,
    select: [...query.select],
    order: query.order.map(({ path, descending }) => create(QueryOrderSchema, { path, descending })),
    limit: BigInt(query.limit),
    count: query.count,
  })
  if (query.where !== undefined) message.where = messageFromCondition(query.where)
  return message
}

function messageFromCondition(condition: Condition): QueryCondition {
  const message = create(QueryConditionSchema)
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const value = create(QueryConditionsSchema, { conditions: condition.conditions.map(messageFromCondition) })
      message.kind = { case: condition.kind, value }
      return message
    }
    case 'not':
      message.kind = { case: 'not', value: messageFromCondition(condition.condition) }
      return message
    case 'compare': {
      const { path, sign, value } = condition
      const comparison = comparisons[sign]
      message.kind = {
        case: 'compare',
        value: create(QueryComparisonSchema, { path, comparison, value: messageFromLiteral(value) }),
      }
      return message
    }
    case 'in': {
      const values = condition.values.map(messageFromLiteral)
      message.kind = { case: 'in', value: create(QueryMembershipSchema, { path: condition.path, values }) }
      return message
    }
    case 'contains':
    case 'starts_with': {
      const value = create(QueryTextMatchSchema, { path: condition.path, text: condition.text })
      message.kind = { case: condition.kind === 'contains' ? 'contains' : 'startsWith', value }
      return message
    }
    case 'exists':
      message.kind = { case: 'exists', value: condition.path }
      return message
  }
}

function messageFromLiteral(value: Literal): Value {
  switch (typeof value) {
    case 'bigint':
      return create(ValueSchema, { kind: { case: 'int', value } })
    case 'number':
      return create(ValueSchema, { kind: { case: 'float', value } })
    case 'string':
      return create(ValueSchema, { kind: { case: 'string', value } })
    case 'boolean':
      return create(ValueSchema, { kind: { case: 'bool', value } })
    default:
      return create(ValueSchema, { kind: { case: 'timestamp', value: timestampFromMicros(value.micros) } })
  }
}

/** The query of a message. Throws QError `invalid_query`, `invalid_path`, `value_out_of_range`; they name the part. */
export function queryFromMessage(message: QueryMessage): Query {
  const query: Query = {
    type: message.type,
    select: message.select,
    where: message.where && conditionFromMessage(message.where, 'where'),
    order: message.order.map(({ path, descending }) => ({ path, descending })),
    limit: Number(message.limit),
    count: message.count,
  }
  assertQuery(query)
  return query
}

function conditionFromMessage({ kind }: QueryCondition, path: string): Condition {
  switch (kind.case) {
    case 'all':
    case 'any': {
      const { conditions } = kind.value
      if (conditions.length === 0) throw new QError('invalid_query', 'no condition is given', { field: path })
      return joined(
        kind.case,
        conditions.map((part, index) => conditionFromMessage(part, `${path}.${kind.case}[${index}]`)),
      )
    }
    case 'not':
      return { kind: 'not', condition: conditionFromMessage(kind.value, `${path}.not`) }
    case 'compare': {
      const sign = signs.get(kind.value.comparison)
      if (sign === undefined) {
        throw new QError('invalid_query', 'this is not a comparison', { field: `${path}.compare.comparison` })
      }
      const value = literalFromMessage(kind.value.value, `${path}.compare.value`)
      return { kind: 'compare', path: kind.value.path, sign, value }
    }
    case 'in': {
      const values = kind.value.values.map((value, index) => literalFromMessage(value, `${path}.in.values[${index}]`))
      return { kind: 'in', path: kind.value.path, values }
    }
    case 'contains':
      return { kind: 'contains', path: kind.value.path, text: kind.value.text }
    case 'startsWith':
      return { kind: 'starts_with', path: kind.value.path, text: kind.value.text }
    case 'exists':
      return { kind: 'exists', path: kind.value }
    default:
      throw new QError('invalid_query', 'the condition is of no kind', { field: path })
  }
}

function literalFromMessage(message: Value | undefined, path: string): Literal {
  const kind = message?.kind
  switch (kind?.case) {
    case 'int':
    case 'float':
    case 'string':
    case 'bool':
    case 'choice':
    case 'entityReference':
      return kind.value
    case 'timestamp':
      return { micros: microsFromTimestamp(kind.value, path) }
    default:
      throw new QError('invalid_query', `a value of ${kind?.case ?? 'no kind'} cannot be compared`, { field: path })
  }
}
