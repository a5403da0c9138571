import { isDeepStrictEqual } from 'node:util'
import type { JsonValue } from '@qcore/json'

/** What is known of whom a flag is evaluated for. `targetingKey` identifies him. */
export type FlagContext = Readonly<Record<string, unknown>>

/** A test of an attribute. */
export interface Condition {
  readonly attribute: string
  readonly operator: Operator
  readonly operand: JsonValue
}

type Test = (value: unknown, operand: JsonValue) => boolean

const operators = {
  equals: (value, operand) => isDeepStrictEqual(value, operand),
  notEquals: (value, operand) => !isDeepStrictEqual(value, operand),
  in: (value, operand) => isOneOf(value, operand),
  notIn: (value, operand) => !isOneOf(value, operand),
  startsWith: texts((value, operand) => value.startsWith(operand)),
  endsWith: texts((value, operand) => value.endsWith(operand)),
  contains: (value, operand) =>
    Array.isArray(value) ? isOneOf(operand, value) : texts((text, part) => text.includes(part))(value, operand),
  lessThan: numbers((value, operand) => value < operand),
  greaterThan: numbers((value, operand) => value > operand),
  exists: (value, operand) => (value !== undefined) === operand,
} as const satisfies Record<string, Test>

export type Operator = keyof typeof operators

export const operatorNames = Object.keys(operators) as readonly Operator[]

/** Whether the context fulfils a condition. An attribute that is missing, or of another type, fulfils none but those that deny. */
export function fulfils(context: FlagContext, { attribute, operator, operand }: Condition): boolean {
  return operators[operator](attributeOf(context, attribute), operand)
}

/** By its name, or else by the path that dots make of it. */
function attributeOf(context: FlagContext, name: string): unknown {
  if (Object.hasOwn(context, name)) return context[name]
  let value: unknown = context
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part]
  }
  return value
}

function isOneOf(value: unknown, list: unknown): boolean {
  return Array.isArray(list) && list.some((each) => isDeepStrictEqual(each, value))
}

function texts(test: (value: string, operand: string) => boolean): Test {
  return (value, operand) => typeof value === 'string' && typeof operand === 'string' && test(value, operand)
}

function numbers(test: (value: number, operand: number) => boolean): Test {
  return (value, operand) => typeof value === 'number' && typeof operand === 'number' && test(value, operand)
}
