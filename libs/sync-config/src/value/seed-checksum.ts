import { crc32 } from 'node:zlib'
import type { JsonValue } from '@qcore/json'

/**
 * The CRC-32 that SyncConfig computes of all keys and values: `key:json;` for every key, in the order of the keys' bytes, with
 * JSON as Go writes it. Two different contents can have the same one.
 */
export function seedChecksum(entries: Iterable<readonly [key: string, value: JsonValue]>): number {
  let checksum = 0
  for (const [key, value] of [...entries].sort(([a], [b]) => compareBytes(a, b))) {
    checksum = crc32(`${key}:${goJson(value)};`, checksum)
  }
  return checksum
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function goJson(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return goString(value)
    case 'number':
      return goNumber(value)
    case 'object':
      break
    default:
      return String(value)
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(goJson).join(',')}]`
  const members = Object.entries(value as Readonly<Record<string, JsonValue>>).sort(([a], [b]) => compareBytes(a, b))
  return `{${members.map(([name, member]) => `${goString(name)}:${goJson(member)}`).join(',')}}`
}

/** Go's encoder also escapes what HTML and JavaScript would take for something else, and has no short \b and \f. */
const goEscapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '\\b': '\\u0008',
  '\\f': '\\u000c',
}

function goString(text: string): string {
  // An escaped backslash is matched first, so that what follows it is not taken for an escape.
  return JSON.stringify(text).replace(/\\\\|\\b|\\f|[<>&\u2028\u2029]/g, (found) => goEscapes[found] ?? found)
}

/** JavaScript's digits and exponents are Go's, but for where the exponents begin. */
function goNumber(value: number): string {
  const size = Math.abs(value)
  return value !== 0 && (size < 1e-6 || size >= 1e21) ? value.toExponential() : String(value)
}
