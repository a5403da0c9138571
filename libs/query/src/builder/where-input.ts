import { QError } from '@qcore/errors'
import { joined, type ComparisonSign, type Condition } from '../tree/query.ts'
import { literalFromInput, type LiteralInput } from './literal-input.ts'

/** Fields of a type: by name, what their values are given as. */
export type FieldInputs = Readonly<Record<string, LiteralInput>>

/** How a field has to compare; all that is given must hold. */
export interface Comparisons<Input> {
  readonly eq?: Input
  readonly ne?: Input
  readonly lt?: Input
  readonly lte?: Input
  readonly gt?: Input
  readonly gte?: Input
  readonly in?: readonly Input[]
  /** A text that is in it; of a list, an entity. */
  readonly contains?: string | { readonly id: string }
  readonly startsWith?: string
  /** Whether the path leads to a field, and a reference to an entity. */
  readonly exists?: boolean
}

/** Instead of the values of a field: all that may be asked of it. For the compiler only. */
export interface AskedAs<Condition> {
  readonly askedAs: Condition
}

type ConditionOn<Input> = [Input] extends [AskedAs<infer Condition>] ? Condition : Input | Comparisons<Input>

/** Conditions by field or by path (`Parent->Name`): a value to be equal to, or comparisons. All must hold. */
export type FieldConditions<Fields> = {
  readonly [Name in keyof Fields]?: ConditionOn<Fields[Name]>
} & { readonly [Path in `${string}->${string}`]: LiteralInput | Comparisons<LiteralInput> }

/** Conditions joined by `and`, `or` and `not`, on entities with such fields. */
export class JoinedCondition<Fields> {
  readonly condition: Condition
  /** For the compiler: conditions on other fields are not taken. */
  declare readonly fields?: (fields: Fields) => Fields

  constructor(condition: Condition) {
    this.condition = condition
  }
}

export type Where<Fields> = FieldConditions<Fields> | JoinedCondition<Fields>

/** All of these must hold. */
export function and<Fields = FieldInputs>(...conditions: readonly Where<NoInfer<Fields>>[]): JoinedCondition<Fields> {
  return new JoinedCondition({ kind: 'all', conditions: conditions.map((each) => conditionFrom(each)) })
}

/** At least one of these must hold. */
export function or<Fields = FieldInputs>(...conditions: readonly Where<NoInfer<Fields>>[]): JoinedCondition<Fields> {
  return new JoinedCondition({ kind: 'any', conditions: conditions.map((each) => conditionFrom(each)) })
}

/** This must not hold. */
export function not<Fields = FieldInputs>(condition: Where<NoInfer<Fields>>): JoinedCondition<Fields> {
  return new JoinedCondition({ kind: 'not', condition: conditionFrom(condition) })
}

/** The condition that is meant. Throws QError `invalid_query`, `type_mismatch`, `value_out_of_range`. */
export function conditionFrom<Fields>(where: Where<Fields>): Condition {
  if (where instanceof JoinedCondition) return normalized(where.condition)
  const parts = Object.entries(where).flatMap(([path, wanted]) => fieldConditions(path, wanted))
  if (parts.length === 0) throw new QError('invalid_query', 'no condition is given', { field: 'where' })
  return joined('all', parts)
}

type WantedInput = LiteralInput | Comparisons<LiteralInput>

function normalized(condition: Condition): Condition {
  if (condition.kind !== 'all' && condition.kind !== 'any') return condition
  if (condition.conditions.length === 0) {
    throw new QError('invalid_query', 'no condition is given', { field: 'where' })
  }
  return joined(condition.kind, condition.conditions)
}

const signs = { eq: '=', ne: '!=', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const satisfies Record<
  string,
  ComparisonSign
>

const comparisonNames: ReadonlySet<string> = new Set([...Object.keys(signs), 'in', 'contains', 'startsWith', 'exists'])

function fieldConditions(path: string, wanted: WantedInput | undefined): Condition[] {
  if (wanted === undefined) return []
  if (!isComparisons(wanted)) {
    return [{ kind: 'compare', path, sign: '=', value: literalFromInput(wanted, path) }]
  }
  return Object.entries(wanted).flatMap(([name, value]: [string, unknown]) =>
    value === undefined ? [] : [fieldCondition(path, name, value)],
  )
}

function isComparisons(wanted: WantedInput): wanted is Comparisons<LiteralInput> {
  if (typeof wanted !== 'object' || wanted === null || wanted instanceof Date) return false
  const names = Object.keys(wanted)
  return names.length > 0 && names.every((name) => comparisonNames.has(name))
}

function fieldCondition(path: string, name: string, value: unknown): Condition {
  switch (name) {
    case 'in': {
      const values = (value as readonly LiteralInput[]).map((each) => literalFromInput(each, path))
      return { kind: 'in', path, values }
    }
    case 'contains':
    case 'startsWith': {
      const text = literalFromInput(value as LiteralInput, path)
      if (typeof text !== 'string') throw new QError('type_mismatch', 'a text is contained', { field: path })
      return { kind: name === 'contains' ? 'contains' : 'starts_with', path, text }
    }
    case 'exists':
      return value === true ? { kind: 'exists', path } : { kind: 'not', condition: { kind: 'exists', path } }
    default:
      return {
        kind: 'compare',
        path,
        sign: signs[name as keyof typeof signs],
        value: literalFromInput(value as LiteralInput, path),
      }
  }
}
