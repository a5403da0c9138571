import type { Schedule } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { HttpRequest } from '../http/exchange.ts'

/** What an event is recognised by, as it is: its revision. */
export function etagOf({ revision }: Pick<Schedule, 'revision'>): string {
  return `"${revision}"`
}

/**
 * The revision that a change is meant for, of `If-Match`; undefined for any.
 *
 * @throws QError `invalid_request`, `condition_failed`
 */
export function expectedRevision({ headers }: HttpRequest): bigint | undefined {
  const match = headers['if-match']
  if (match === undefined || match === '*') return undefined
  const revision = /^"(\d{1,19})"$/.exec(match.trim())?.[1]
  if (revision === undefined) {
    throw new QError('condition_failed', 'If-Match names no version of the event', { field: 'if-match' })
  }
  return BigInt(revision)
}

/** Whether the caller has the event as it is already. */
export function isKnown({ headers }: HttpRequest, schedule: Schedule): boolean {
  const known = headers['if-none-match']
  if (known === undefined) return false
  const tags = known.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etagOf(schedule))
}
