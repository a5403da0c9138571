import { QError } from '@qcore/errors'

const standardPageSize = 100

interface PageRequest {
  readonly pageSize: number
  readonly pageToken: string
}

export function pageSize({ pageSize: asked }: PageRequest): number {
  return asked === 0 ? standardPageSize : asked
}

/** What a page comes before. Throws QError `invalid_request`. */
export function placeOf({ pageToken }: PageRequest): number {
  if (pageToken === '') return Number.MAX_SAFE_INTEGER
  if (/^\d{1,15}$/.test(pageToken)) return Number(pageToken)
  throw new QError('invalid_request', 'the page token is none', { field: 'page_token' })
}

/** The token of the page after this one; empty if there is none. */
export function nextPage<R>(rows: readonly R[], most: number, placeOfRow: (row: R) => number): string {
  const last = rows.at(-1)
  return last === undefined || rows.length < most ? '' : `${placeOfRow(last)}`
}
