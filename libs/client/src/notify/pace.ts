import { QError } from '@qcore/errors'
import type { NotifyOptions } from './subscriber.ts'

/** How much of what happens is told one by one: the same for all subscribers of a stream. */
export interface Pace {
  readonly isLatest: boolean
  /** The least time between two responses with changes; 0 unless it is latest. */
  readonly minIntervalMs: number
}

const longestIntervalMs = 60_000

/** @throws QError `invalid_request` */
export function paceOf({ backPressure = 'lossless', minIntervalMs = 0 }: NotifyOptions): Pace {
  if (backPressure !== 'lossless' && backPressure !== 'latest') {
    throw new QError('invalid_request', 'backPressure is lossless or latest', { field: 'backPressure' })
  }
  if (!Number.isInteger(minIntervalMs) || minIntervalMs < 0 || minIntervalMs > longestIntervalMs) {
    const message = `minIntervalMs is a whole number from 0 to ${longestIntervalMs}`
    throw new QError('invalid_request', message, { field: 'minIntervalMs' })
  }
  if (minIntervalMs > 0 && backPressure === 'lossless') {
    throw new QError('invalid_request', "minIntervalMs goes with backPressure: 'latest'", { field: 'minIntervalMs' })
  }
  return { isLatest: backPressure === 'latest', minIntervalMs }
}
