import { QError } from '@qcore/errors'
import {
  defaultStreamLimits,
  heartbeatHeader,
  windowBytesHeader,
  windowMessagesHeader,
  type StreamLimits,
} from './stream-frame.ts'

/** What a caller may ask for. The sender keeps a few numbers for each frame in the window, and a timer. */
const allowed: Record<keyof StreamLimits, { from: number; to: number }> = {
  windowMessages: { from: 1, to: 65_536 },
  windowBytes: { from: 1_024, to: 67_108_864 },
  heartbeatMs: { from: 100, to: 60_000 },
}

/** The limits that a caller asks for in its headers. Throws `invalid_request`. */
export function readStreamLimits(headers: Headers): StreamLimits {
  return {
    windowMessages: readLimit(headers, windowMessagesHeader, 'windowMessages'),
    windowBytes: readLimit(headers, windowBytesHeader, 'windowBytes'),
    heartbeatMs: readLimit(headers, heartbeatHeader, 'heartbeatMs'),
  }
}

function readLimit(headers: Headers, header: string, limit: keyof StreamLimits): number {
  const text = headers.get(header)
  if (text === null) return defaultStreamLimits[limit]
  const { from, to } = allowed[limit]
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new QError('invalid_request', `${header} is ${text}, and must be ${from} to ${to}`, { field: header })
}
