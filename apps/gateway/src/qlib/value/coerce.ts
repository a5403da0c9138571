import { create } from '@bufbuild/protobuf'
import { timestampFromDate, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'
import type { WireType, WireValue } from './wire-value.ts'

const decimal = /^[+-]?\d+$/
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * Makes of a value one of another type, as the setters of qlib's libraries do. What has no such value is refused: nothing
 * is replaced by a default.
 *
 * @throws QError `type_mismatch`
 */
export function coerce(value: WireValue, type: WireType): WireValue {
  if (value.type === type) return value
  const made = make(value, type)
  if (made !== undefined) return made
  const text = typeof value.raw === 'string' ? ` ${JSON.stringify(value.raw.slice(0, 100))}` : ''
  throw new QError('type_mismatch', `the field is of type ${type}, the value is a ${value.type}${text}`, {
    field: 'value',
  })
}

function make(value: WireValue, type: WireType): WireValue | undefined {
  switch (type) {
    case 'Int':
    case 'Choice':
      return wrap(type, wholeNumber(value))
    case 'Float':
      return wrap(type, number(value))
    case 'Bool':
      return wrap(type, truth(value))
    case 'String':
      return wrap(type, text(value))
    case 'EntityReference':
    case 'BinaryFile':
      return wrap(type, typeof value.raw === 'string' ? value.raw : undefined)
    case 'Timestamp':
      return wrap(type, instant(value))
    case 'EntityList':
    case 'Transformation':
      return undefined
    default:
      return type satisfies never
  }
}

function wrap(type: WireType, raw: WireValue['raw']): WireValue | undefined {
  return raw === undefined ? undefined : ({ type, raw } as WireValue)
}

function wholeNumber({ raw }: WireValue): bigint | undefined {
  if (typeof raw === 'bigint') return raw
  if (typeof raw === 'boolean') return raw ? 1n : 0n
  if (typeof raw === 'number') return Number.isFinite(raw) ? BigInt(Math.trunc(raw)) : undefined
  return typeof raw === 'string' && decimal.test(raw.trim()) ? BigInt(raw.trim().replace(/^\+/, '')) : undefined
}

function number({ raw }: WireValue): number | undefined {
  if (typeof raw === 'number') return raw
  if (typeof raw === 'bigint' || typeof raw === 'boolean') return Number(raw)
  if (typeof raw !== 'string' || raw.trim() === '') return undefined
  const parsed = Number(raw)
  return Number.isNaN(parsed) ? undefined : parsed
}

function truth({ raw }: WireValue): boolean | undefined {
  if (typeof raw === 'bigint' || typeof raw === 'number') return Number(raw) !== 0
  if (typeof raw !== 'string') return undefined
  const word = raw.trim().toLowerCase()
  if (word === 'true' || word === 'false') return word === 'true'
  return word === '' || Number.isNaN(Number(word)) ? undefined : Number(word) !== 0
}

function text({ raw }: WireValue): string | undefined {
  if (typeof raw === 'string') return raw
  return typeof raw === 'bigint' || typeof raw === 'number' || typeof raw === 'boolean' ? `${raw}` : undefined
}

function instant({ raw }: WireValue) {
  if (typeof raw === 'bigint') return create(TimestampSchema, { seconds: raw })
  if (typeof raw !== 'string') return undefined
  if (decimal.test(raw)) return create(TimestampSchema, { seconds: BigInt(raw) })
  const ms = rfc3339.test(raw) ? Date.parse(raw) : Number.NaN
  return Number.isNaN(ms) ? undefined : timestampFromDate(new Date(ms))
}
