import { QError, Timestamp, type Moment } from '@qcore/client'
import { InvalidArgumentError } from 'commander'

/** A revision, or a time in RFC 3339. */
export function parseMoment(text: string): Moment {
  if (/^\d+$/.test(text)) return Number(text)
  try {
    return Timestamp.parse(text)
  } catch (error) {
    if (!(error instanceof QError)) throw error
    throw new InvalidArgumentError('It is a revision, or a time such as 2026-11-21T10:00:00Z.')
  }
}

export type Time = Exclude<Moment, number>

/** A time in RFC 3339. */
export function parseTime(text: string): Time {
  const moment = parseMoment(text)
  if (typeof moment === 'number') throw new InvalidArgumentError('It is a time such as 2026-11-21T10:00:00Z.')
  return moment
}
