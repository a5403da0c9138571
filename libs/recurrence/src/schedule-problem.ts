import { QError } from '@qcore/errors'

/** Where in a text something is wrong. */
export interface TextPlace {
  /** From 1, in the text as it was given. */
  position: number
}

/** The error for a rule that cannot be read. `field` names the part: `cron.minute`, `rrule.BYDAY`, `by_day[1]`. */
export function scheduleProblem(field: string, message: string, place?: TextPlace): QError {
  const where = place === undefined ? '' : ` (at character ${place.position})`
  return new QError('invalid_schedule', `${field}: ${message}${where}`, {
    field,
    ...(place === undefined ? {} : { metadata: { position: String(place.position) } }),
  })
}

/** A piece of input as an error shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}
