import { QError } from '@qcore/errors'

/**
 * How long a unary call may take: what its `Connect-Timeout-Ms` says, at most `mostMs`.
 *
 * @throws QError `invalid_request`
 */
export function readTimeoutMs(header: string | string[] | undefined, mostMs: number): number {
  if (header === undefined) return mostMs
  if (typeof header !== 'string' || !/^\d{1,10}$/.test(header)) {
    throw new QError('invalid_request', 'Connect-Timeout-Ms is no number of milliseconds of at most 10 digits', {
      field: 'connect-timeout-ms',
    })
  }
  return Math.min(Number(header), mostMs)
}
