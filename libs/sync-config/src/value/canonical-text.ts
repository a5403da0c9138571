import { QError } from '@qcore/errors'
import { valueBytes } from '../store/store-schema.ts'
import { type JsonValue, encodeValue, parseValue } from '@qcore/json'

/**
 * A value as PostgreSQL writes it: two texts of the same value are the same afterwards. Fractions are rounded to doubles, as a
 * reader would.
 *
 * @throws QError `invalid_request` for what is not JSON, `type_mismatch` for JSON that cannot be stored, `value_out_of_range`
 */
export function canonicalText(text: string): string {
  let value: unknown
  try {
    value = parseValue(text)
  } catch (error) {
    throw new QError('invalid_request', 'the value is not JSON', { field: 'value', cause: error })
  }
  // It bounds how deep the value is, too.
  encodeValue(value)
  const canonical = storedText(value as JsonValue)
  const bytes = Buffer.byteLength(canonical)
  if (bytes <= valueBytes) return canonical
  throw new QError('value_out_of_range', `the value has ${bytes} bytes of JSON, more than ${valueBytes}`, {
    field: 'value',
  })
}

/** The text that PostgreSQL makes of a value in a column of type `jsonb`. */
export function storedText(value: JsonValue): string {
  if (typeof value === 'number') return plainNumber(JSON.stringify(value))
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(storedText).join(', ')}]`
  const members = Object.entries(value).map(([name, part]) => ({ name: Buffer.from(name), part }))
  members.sort((a, b) => a.name.length - b.name.length || Buffer.compare(a.name, b.name))
  return `{${members.map(({ name, part }) => `${JSON.stringify(name.toString())}: ${storedText(part)}`).join(', ')}}`
}

function isArray(value: object): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** PostgreSQL writes all digits of a number. */
function plainNumber(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const [, sign = '', first = '', rest = '', exponent = '0'] = match
  const digits = first + rest
  const places = Number(exponent)
  if (places < 0) return `${sign}0.${'0'.repeat(-places - 1)}${digits}`
  return sign + digits.padEnd(places + 1, '0')
}
