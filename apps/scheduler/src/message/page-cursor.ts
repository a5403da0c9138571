import { QError } from '@qcore/errors'

/** Where a page ended: a time and an id, by which lists are ordered. */
export interface PageEnd {
  readonly us: number
  readonly id: string
}

const pattern = /^(\d{1,16})\/([0-9a-f-]{36})$/

/** A cursor for the page after. */
export function writeCursor({ us, id }: PageEnd): string {
  return Buffer.from(`${us}/${id}`).toString('base64url')
}

/**
 * Where the page before ended; undefined for the first page.
 *
 * @throws QError `invalid_cursor`
 */
export function readCursor(cursor: string): PageEnd | undefined {
  if (cursor === '') return undefined
  const match = pattern.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null) throw new QError('invalid_cursor', 'the cursor is not one of this request', { field: 'cursor' })
  return { us: Number(match[1]), id: match[2] ?? '' }
}
