import { QError } from '@qcore/errors'

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g

/**
 * Milliseconds of a duration as Go writes it: `5s`, `1m30s`, `250ms`.
 *
 * @throws QError `invalid_request`
 */
export function parseDuration(text: string, field: string): number {
  const ms = [...text.matchAll(part)].reduce(
    (sum, [, count = '0', unit = '']) => sum + Number(count) * (unitMs[unit] ?? 0),
    0,
  )
  if (text !== '' && text.replace(part, '') === '') return ms
  throw new QError('invalid_request', `${JSON.stringify(text)} is not a duration such as 5s`, { field })
}
