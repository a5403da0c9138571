import { ValueType } from '@qcore/contracts'
import { valueTypeName, type FieldValue } from './field-value.ts'

/** A field as far as it tells what a value can be converted to, or from. */
export interface ConvertibleField {
  readonly valueType: ValueType
  readonly choices: readonly string[]
}

/** A value that was converted, or why it cannot be. */
export type Conversion = { readonly value: FieldValue } | { readonly reason: string }

/**
 * Converts a value to another type, without losing anything: what would be rounded, cut or guessed is refused.
 * docs/schemas.md has the table. Pure: the same at every time and in every process.
 */
export function convertValue(from: ConvertibleField, to: ConvertibleField, value: FieldValue): Conversion {
  if (to.valueType === ValueType.CHOICE) return toChoice(from, to, value)
  if (from.valueType === to.valueType) return { value }
  switch (to.valueType) {
    case ValueType.STRING:
      return toText(from, value)
    case ValueType.INT:
      return toInt(from, value)
    case ValueType.FLOAT:
      return toFloat(from, value)
    case ValueType.BOOL:
      return toBool(from, value)
    case ValueType.TIMESTAMP:
      return toTimestamp(from, value)
    case ValueType.ENTITY_LIST:
      return from.valueType === ValueType.ENTITY_REFERENCE
        ? { value: value === '' ? [] : [value as string] }
        : none(from, to)
    case ValueType.ENTITY_REFERENCE:
      return from.valueType === ValueType.ENTITY_LIST ? toReference(value as readonly string[]) : none(from, to)
    default:
      return none(from, to)
  }
}

/** Whether values of one type can be converted to another at all. */
export function canConvert(from: ValueType, to: ValueType): boolean {
  if (from === to) return true
  const texts: ReadonlySet<ValueType> = new Set([ValueType.STRING, ValueType.CHOICE])
  const numbers: ReadonlySet<ValueType> = new Set([ValueType.INT, ValueType.FLOAT, ValueType.BOOL])
  const isSimple = texts.has(from) || numbers.has(from)
  switch (to) {
    case ValueType.STRING:
      return from !== ValueType.BINARY_FILE && from !== ValueType.ENTITY_LIST
    case ValueType.CHOICE:
    case ValueType.INT:
      return isSimple || (to === ValueType.INT && from === ValueType.TIMESTAMP)
    case ValueType.FLOAT:
    case ValueType.BOOL:
      return isSimple
    case ValueType.TIMESTAMP:
      return from === ValueType.INT || texts.has(from)
    case ValueType.ENTITY_LIST:
      return from === ValueType.ENTITY_REFERENCE
    case ValueType.ENTITY_REFERENCE:
      return from === ValueType.ENTITY_LIST
    default:
      return false
  }
}

function none(from: ConvertibleField, to: ConvertibleField): Conversion {
  return { reason: `${valueTypeName(from.valueType)} is not converted to ${valueTypeName(to.valueType)}` }
}

function toText(from: ConvertibleField, value: FieldValue): Conversion {
  switch (from.valueType) {
    case ValueType.INT:
    case ValueType.BOOL:
      return { value: `${value as bigint | boolean}` }
    case ValueType.FLOAT:
      return { value: Object.is(value, -0) ? '-0' : `${value as number}` }
    case ValueType.TIMESTAMP:
      return { value: timestampText(value as bigint) }
    case ValueType.STRING:
    case ValueType.CHOICE:
    case ValueType.ENTITY_REFERENCE:
    case ValueType.TRANSFORMATION:
      return { value }
    default:
      return none(from, { valueType: ValueType.STRING, choices: [] })
  }
}

function toChoice(from: ConvertibleField, to: ConvertibleField, value: FieldValue): Conversion {
  if (!canConvert(from.valueType, ValueType.CHOICE)) return none(from, to)
  const text = toText(from, value)
  if ('reason' in text || to.choices.includes(text.value as string)) return text
  return { reason: `${JSON.stringify(text.value)} is not one of the options` }
}

const smallestInt = -(2n ** 63n)
const largestInt = 2n ** 63n - 1n
const intPattern = /^[+-]?\d{1,19}$/
const floatPattern = /^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]?Infinity)$/

function toInt(from: ConvertibleField, value: FieldValue): Conversion {
  switch (from.valueType) {
    case ValueType.TIMESTAMP:
      return { value }
    case ValueType.BOOL:
      return { value: value === true ? 1n : 0n }
    case ValueType.FLOAT:
      if (!Number.isInteger(value)) return { reason: `${value as number} is no whole number` }
      return checkedInt(BigInt(value as number))
    case ValueType.STRING:
    case ValueType.CHOICE:
      if (!intPattern.test(value as string)) return { reason: `${quoted(value as string)} is no whole number` }
      return checkedInt(BigInt(value as string))
    default:
      return none(from, { valueType: ValueType.INT, choices: [] })
  }
}

function checkedInt(value: bigint): Conversion {
  return value < smallestInt || value > largestInt ? { reason: `${value} has more than 64 bits` } : { value }
}

function toFloat(from: ConvertibleField, value: FieldValue): Conversion {
  switch (from.valueType) {
    case ValueType.BOOL:
      return { value: value === true ? 1 : 0 }
    case ValueType.INT: {
      const float = Number(value)
      return BigInt(float) === value ? { value: float } : { reason: `${value as bigint} would be rounded` }
    }
    case ValueType.STRING:
    case ValueType.CHOICE:
      if (!floatPattern.test(value as string)) return { reason: `${quoted(value as string)} is no number` }
      return { value: Number(value) }
    default:
      return none(from, { valueType: ValueType.FLOAT, choices: [] })
  }
}

function toBool(from: ConvertibleField, value: FieldValue): Conversion {
  if (!canConvert(from.valueType, ValueType.BOOL)) return none(from, { valueType: ValueType.BOOL, choices: [] })
  const text = `${value as string | bigint}`
  if (text === 'true' || (text === '1' && typeof value !== 'string')) return { value: true }
  if (text === 'false' || (text === '0' && typeof value !== 'string')) return { value: false }
  return { reason: `${quoted(text)} is neither true nor false` }
}

/** The years 0001 to 9999. */
const earliestUs = -62_135_596_800_000_000n
const latestUs = 253_402_300_799_999_999n
const timestampPattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,6})?Z$/

function toTimestamp(from: ConvertibleField, value: FieldValue): Conversion {
  if (from.valueType === ValueType.INT) {
    const micros = value as bigint
    return micros < earliestUs || micros > latestUs
      ? { reason: `${micros} is beyond the years 0001 to 9999` }
      : { value }
  }
  if (!canConvert(from.valueType, ValueType.TIMESTAMP))
    return none(from, { valueType: ValueType.TIMESTAMP, choices: [] })
  const text = value as string
  const match = timestampPattern.exec(text)
  const fraction = (match?.[7] ?? '').slice(1).padEnd(6, '0')
  const milliseconds = match === null ? Number.NaN : Date.parse(`${text.slice(0, 19)}Z`)
  // A day that the month does not have would be another one.
  const isReal = !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().slice(0, 19) === text.slice(0, 19)
  if (!isReal || text.startsWith('0000'))
    return { reason: `${quoted(text)} is no RFC 3339 time in UTC, to the microsecond` }
  return { value: BigInt(milliseconds) * 1_000n + BigInt(fraction) }
}

function timestampText(micros: bigint): string {
  const rest = ((micros % 1_000n) + 1_000n) % 1_000n
  const milliseconds = Number((micros - rest) / 1_000n)
  return new Date(milliseconds).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

function toReference(ids: readonly string[]): Conversion {
  return ids.length > 1 ? { reason: `it lists ${ids.length} entities` } : { value: ids[0] ?? '' }
}

/** Enough of a text to recognise it. */
const quotedLength = 40

function quoted(text: string): string {
  return JSON.stringify(text.length > quotedLength ? `${text.slice(0, quotedLength)}…` : text)
}
