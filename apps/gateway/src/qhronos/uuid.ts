import { createHash, randomUUID } from 'node:crypto'
import { QError } from '@qcore/errors'

/**
 * A UUID in the one way that it is stored; with braces, as a URN, and without hyphens it is the same.
 *
 * @throws QError `invalid_request`
 */
export function parseUuid(text: string, what: string): string {
  const bare = text
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1')
  const hex = bare.replace(/^(.{8})-(.{4})-(.{4})-(.{4})-(.{12})$/, '$1$2$3$4$5')
  if (/^[0-9a-f]{32}$/.test(hex)) return withHyphens(hex)
  throw new QError('invalid_request', `invalid ${what} ID`, { field: 'id' })
}

/** The id of something new: of the same caller and the same key always the same, so that a retry makes nothing twice. */
export function newUuid(subject: string, key: string): string {
  if (key === '') return randomUUID()
  const hex = createHash('sha256').update(`${subject}\0${key}`).digest('hex').slice(0, 32)
  // RFC 9562: version 8, made in a way of one's own.
  return withHyphens(`${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17)}`)
}

function withHyphens(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
