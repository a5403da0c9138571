import { QError } from '@qcore/errors'
import type { JsonObject, JsonValue } from '@qcore/json'
import { operatorNames, type Condition } from './condition.ts'

/** The keys of flags in the configuration begin with it: `flag:new_ui`. */
export const flagPrefix = 'flag:'

/** What a flag, or a rule, comes to: a variant, or one of several by percentage. */
export type Outcome =
  | { readonly kind: 'variant'; readonly variant: string }
  | { readonly kind: 'split'; readonly weights: readonly (readonly [variant: string, weight: number])[] }

export interface Rule {
  /** All must hold. */
  readonly conditions: readonly Condition[]
  readonly outcome: Outcome
}

/** A flag with variants. */
export interface FlagDefinition {
  readonly isEnabled: boolean
  readonly variants: Readonly<Record<string, JsonValue>>
  readonly byDefault: Outcome
  /** The variant of a flag that is disabled. */
  readonly off: string | undefined
  readonly rules: readonly Rule[]
  /** Undefined: the name of the flag. */
  readonly salt: string | undefined
}

const members = new Set(['enabled', 'variants', 'default', 'off', 'rules', 'salt', 'description'])
const ruleMembers = new Set(['if', 'variant', 'split', 'description'])

/** Whether a value is a flag with variants; any other value is a flag that is always this value. */
export function isDefinition(value: JsonValue): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, 'variants')
}

/** @throws QError `invalid_request` that names the member */
export function parseDefinition(value: JsonObject): FlagDefinition {
  assertMembers(value, members, '')
  const { enabled = true, variants, rules = [], salt, off } = value
  if (typeof enabled !== 'boolean') throw wrong('enabled', 'is not a boolean')
  if (!isObject(variants) || Object.keys(variants).length === 0) throw wrong('variants', 'is no object with members')
  if (!Array.isArray(rules)) throw wrong('rules', 'is no list')
  if (salt !== undefined && typeof salt !== 'string') throw wrong('salt', 'is no text')
  return {
    isEnabled: enabled,
    variants,
    byDefault: parseDefault(value['default'], variants),
    off: off === undefined ? undefined : variantName(off, variants, 'off'),
    rules: rules.map((rule: JsonValue, index) => parseRule(rule, variants, `rules[${index}]`)),
    salt,
  }
}

function parseDefault(value: JsonValue | undefined, variants: JsonObject): Outcome {
  if (isObject(value)) return parseSplit(value, variants, 'default')
  return { kind: 'variant', variant: variantName(value, variants, 'default') }
}

function parseRule(rule: JsonValue, variants: JsonObject, path: string): Rule {
  if (!isObject(rule)) throw wrong(path, 'is no object')
  assertMembers(rule, ruleMembers, `${path}.`)
  const { if: conditions = [], variant, split } = rule
  if (!Array.isArray(conditions)) throw wrong(`${path}.if`, 'is no list')
  if ((variant === undefined) === (split === undefined)) throw wrong(path, 'has not one of variant and split')
  const outcome: Outcome =
    split === undefined
      ? { kind: 'variant', variant: variantName(variant, variants, `${path}.variant`) }
      : parseSplit(split, variants, `${path}.split`)
  return {
    conditions: conditions.map((each: JsonValue, index) => parseCondition(each, `${path}.if[${index}]`)),
    outcome,
  }
}

function parseCondition(value: JsonValue, path: string): Condition {
  if (!isObject(value)) throw wrong(path, 'is no object')
  const { attribute, ...tests } = value
  if (typeof attribute !== 'string') throw wrong(`${path}.attribute`, 'is no text')
  const [test, ...others] = Object.entries(tests)
  const operator = operatorNames.find((name) => name === test?.[0])
  if (test === undefined || operator === undefined || others.length > 0) {
    throw wrong(path, `has not one of ${operatorNames.join(', ')} beside its attribute`)
  }
  return { attribute, operator, operand: test[1] }
}

function parseSplit(value: JsonValue, variants: JsonObject, path: string): Outcome {
  if (!isObject(value)) throw wrong(path, 'is no object of weights')
  const weights = Object.entries(value).map(([variant, weight]) => {
    variantName(variant, variants, path)
    if (typeof weight !== 'number' || weight < 0) throw wrong(`${path}.${variant}`, 'is no weight')
    return [variant, weight] as const
  })
  if (weights.every(([, weight]) => weight === 0)) throw wrong(path, 'has no weight above 0')
  // The order of members is nobody's: users keep their variants however the flag is written.
  return { kind: 'split', weights: weights.sort(([a], [b]) => (a < b ? -1 : 1)) }
}

function variantName(value: JsonValue | undefined, variants: JsonObject, path: string): string {
  if (typeof value === 'string' && Object.hasOwn(variants, value)) return value
  throw wrong(path, 'names no variant')
}

function assertMembers(value: JsonObject, known: ReadonlySet<string>, path: string): void {
  for (const name of Object.keys(value)) if (!known.has(name)) throw wrong(path + name, 'means nothing')
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(field: string, what: string): QError {
  return new QError('invalid_request', `${field} of the flag ${what}`, { field })
}
