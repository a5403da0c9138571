import type { JsonValue } from './json-value.ts'

/** Only a text with so many digits in a row can hold an integer that a number would round. */
const manyDigits = /\d{16}/
const integer = /^-?\d+$/

/** Reads the JSON text of a column: frozen, with integers that a number would round as bigints. */
export function decodeValue(text: string): JsonValue {
  return deepFreeze(parseValue(text) as JsonValue)
}

/** The same of a text that may be anything, and not frozen. Throws what JSON.parse does. */
export function parseValue(text: string): unknown {
  return manyDigits.test(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text)
}

function reviveInteger(_key: string, value: unknown, { source = '' }: { source?: string } = {}): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source) ? BigInt(source) : value
}

function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}
