import type { EmitEvent } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'

/** How far ahead an event may be due. */
const mostAheadUs = 366 * 86_400_000_000
const defaultWindowMs = 300_000n

/** When an event is due and how long it may be handled, in microseconds since 1970. */
export interface EventTimes {
  /** Undefined: at once. */
  readonly dueUs: number | undefined
  /** Null: for ever. */
  readonly expiresUs: number | null
}

/**
 * The times of an event that is emitted at a time.
 *
 * @throws QError `invalid_request`, `value_out_of_range`
 */
export function eventTimes({ delivery, expiry }: EmitEvent, timeUs: number, path: string): EventTimes {
  const dueUs = Math.max(timeUs, dueOf(delivery, timeUs, path))
  if (dueUs > timeUs + mostAheadUs) {
    const field = `${path}.deliver_time`
    throw new QError('value_out_of_range', 'an event is held for at most 366 days', { field })
  }
  const expiresUs = expiryOf(expiry, dueUs, path)
  if (expiresUs !== null && expiresUs <= dueUs) {
    const field = `${path}.expire_time`
    throw new QError('invalid_request', 'the event would expire before it is emitted', { field })
  }
  return { dueUs: dueUs > timeUs ? dueUs : undefined, expiresUs }
}

/** How long the dedupe key of an event counts that is emitted at a time. */
export function keyExpiry({ dedupeWindowMs }: EmitEvent, timeUs: number): number {
  return timeUs + Number(dedupeWindowMs === 0n ? defaultWindowMs : dedupeWindowMs) * 1_000
}

function dueOf(delivery: EmitEvent['delivery'], timeUs: number, path: string): number {
  switch (delivery.case) {
    case 'deliverTime':
      return Number(microsFromTimestamp(delivery.value, `${path}.deliver_time`))
    case 'delayMs':
      return timeUs + Number(delivery.value) * 1_000
    case undefined:
      return timeUs
  }
}

function expiryOf(expiry: EmitEvent['expiry'], dueUs: number, path: string): number | null {
  switch (expiry.case) {
    case 'expireTime':
      return Number(microsFromTimestamp(expiry.value, `${path}.expire_time`))
    case 'lifetimeMs':
      return dueUs + Number(expiry.value) * 1_000
    case undefined:
      return null
  }
}
