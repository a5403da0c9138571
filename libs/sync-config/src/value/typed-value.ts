import type { JsonValue } from '@qcore/json'

const integerText = /^\s*[+-]?\d+\s*$/

/** A string; nothing else is made one. */
export function asString(value: JsonValue): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** An integer that a number holds exactly: a number without its fraction, or the text of an integer. */
export function asInt(value: JsonValue): number | undefined {
  const int =
    typeof value === 'number'
      ? Math.trunc(value)
      : typeof value === 'string' && integerText.test(value)
        ? Number(value)
        : undefined
  return int !== undefined && Number.isSafeInteger(int) ? int + 0 : undefined
}

/** Any integer. */
export function asBigInt(value: JsonValue): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'string' && integerText.test(value)) return BigInt(value.trim().replace(/^\+/, ''))
  const int = asInt(value)
  return int === undefined ? undefined : BigInt(int)
}

/** A number; an integer that one would round is none. */
export function asNumber(value: JsonValue): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** true or false; nothing else is made one. */
export function asBool(value: JsonValue): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}
