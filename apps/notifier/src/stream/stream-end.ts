import { QError, type ErrorCode } from '@qcore/errors'

/** Why a stream ends before its caller wants it to. */
export interface StreamEnd {
  readonly code: Extract<ErrorCode, 'too_slow' | 'unavailable' | 'log_replaced' | 'compacted' | 'canceled' | 'internal'>
  readonly message: string
  readonly cause?: unknown
}

/** The error that ends a stream. It carries what the stream handed over, unless no notifier can go on from there. */
export function streamEndError({ code, message, cause }: StreamEnd, deliveredRevision: number): QError {
  const canResume = code === 'too_slow' || code === 'unavailable'
  return new QError(code, message, {
    ...(canResume ? { metadata: { resume_after: `${deliveredRevision}` } } : {}),
    ...(cause === undefined ? {} : { cause }),
  })
}
