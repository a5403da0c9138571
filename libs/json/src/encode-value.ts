import { QError } from '@qcore/errors'

/** Brackets within each other; PostgreSQL would take some thousands. */
const mostLevels = 100

/**
 * The JSON text of a value.
 *
 * @throws QError `type_mismatch` for what is not JSON or would come back as something else; the message has the place
 */
export function encodeValue(value: unknown): string {
  return encodePart(value, 'value', 1)
}

function encodePart(value: unknown, place: string, level: number): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value, place)
    case 'number':
      if (!Number.isFinite(value)) throw notJson(place, String(value))
      return JSON.stringify(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (level > mostLevels) throw notJson(place, `nested deeper than ${mostLevels} levels, or within itself`)
      return Array.isArray(value) ? encodeArray(value, place, level) : encodeObject(value, place, level)
    case 'undefined':
    case 'function':
    case 'symbol':
      throw notJson(place, typeof value)
  }
}

function encodeString(text: string, place: string): string {
  if (text.includes('\0')) throw notJson(place, 'a string with a NUL character, which PostgreSQL cannot store')
  if (!text.isWellFormed()) throw notJson(place, 'a string with half of a surrogate pair')
  return JSON.stringify(text)
}

function encodeArray(values: readonly unknown[], place: string, level: number): string {
  // An index loop: forEach and map would pass over the holes of a sparse array.
  const parts: string[] = []
  for (let index = 0; index < values.length; index++) {
    parts.push(encodePart(values[index], `${place}[${index}]`, level + 1))
  }
  return `[${parts.join(',')}]`
}

function encodeObject(value: object, place: string, level: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(place, `a ${value.constructor.name}; only plain objects are JSON`)
  }
  const parts = Object.entries(value).map(
    ([name, part]) => `${encodeString(name, place)}:${encodePart(part, `${place}.${name}`, level + 1)}`,
  )
  return `{${parts.join(',')}}`
}

function notJson(place: string, what: string): QError {
  return new QError('type_mismatch', `${place} cannot be stored as JSON: it is ${what}`, { field: place })
}
