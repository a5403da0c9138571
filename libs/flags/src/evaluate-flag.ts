import { hash } from 'node:crypto'
import { isQError } from '@qcore/errors'
import type { JsonValue } from '@qcore/json'
import { fulfils, type FlagContext } from './condition.ts'
import { isDefinition, parseDefinition, type FlagDefinition, type Outcome } from './flag-definition.ts'

/** As OpenFeature names them. */
export type FlagReason = 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH' | 'SPLIT' | 'DISABLED'

/** What a flag is for somebody. */
export interface FlagResult {
  readonly value: JsonValue
  /** Undefined: the flag has no variants. */
  readonly variant: string | undefined
  readonly reason: FlagReason
}

export interface FlagError {
  readonly errorCode: 'PARSE_ERROR' | 'TARGETING_KEY_MISSING'
  readonly message: string
}

/** Evaluates a flag: the first rule counts whose conditions all hold, otherwise the default. The same input has the same result, everywhere. */
export function evaluateFlag(name: string, value: JsonValue, context: FlagContext): FlagResult | FlagError {
  if (!isDefinition(value)) return { value, variant: undefined, reason: 'STATIC' }
  let flag: FlagDefinition
  try {
    flag = parseDefinition(value)
  } catch (error) {
    if (!isQError(error)) throw error
    return { errorCode: 'PARSE_ERROR', message: error.message }
  }
  if (!flag.isEnabled && flag.off !== undefined) return resultOf(flag, flag.off, 'DISABLED')
  const rule = flag.isEnabled
    ? flag.rules.find(({ conditions }) => conditions.every((condition) => fulfils(context, condition)))
    : undefined
  const outcome = rule?.outcome ?? flag.byDefault
  const variant = variantFor(outcome, { salt: flag.salt ?? name, context })
  if (variant === undefined) {
    return { errorCode: 'TARGETING_KEY_MISSING', message: `${name} is split by percentage: a targetingKey is needed` }
  }
  if (!flag.isEnabled) return resultOf(flag, variant, 'DISABLED')
  if (outcome.kind === 'split') return resultOf(flag, variant, 'SPLIT')
  if (rule !== undefined) return resultOf(flag, variant, 'TARGETING_MATCH')
  return resultOf(flag, variant, flag.rules.length === 0 ? 'STATIC' : 'DEFAULT')
}

function resultOf({ variants }: FlagDefinition, variant: string, reason: FlagReason): FlagResult {
  return { value: variants[variant] ?? null, variant, reason }
}

/** Undefined: nobody is named whom it could be for. */
function variantFor(outcome: Outcome, { salt, context }: { salt: string; context: FlagContext }): string | undefined {
  if (outcome.kind === 'variant') return outcome.variant
  const { targetingKey } = context
  if (typeof targetingKey !== 'string' || targetingKey === '') return undefined
  const total = outcome.weights.reduce((sum, [, weight]) => sum + weight, 0)
  let rest = positionOf(salt, targetingKey) * total
  for (const [variant, weight] of outcome.weights) {
    if (rest < weight) return variant
    rest -= weight
  }
  // Of rounding alone.
  return outcome.weights.findLast(([, weight]) => weight > 0)?.[0]
}

/** Where somebody is, of all: from 0 up to 1. The length keeps salt and key apart. */
function positionOf(salt: string, targetingKey: string): number {
  const digits = hash('sha256', `${Buffer.byteLength(salt)}:${salt}${targetingKey}`).slice(0, 12)
  return Number.parseInt(digits, 16) / 2 ** 48
}
