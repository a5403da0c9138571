import { QError, type ErrorCode } from '@qcore/errors'

/** Why a stream ends before its caller wants it to. */
export interface StreamEnd {
  readonly code: Extract<
    ErrorCode,
    | 'too_slow'
    | 'too_much_state'
    | 'too_many_changes'
    | 'unavailable'
    | 'log_replaced'
    | 'compacted'
    | 'schema_changed'
    | 'canceled'
    | 'internal'
  >
  readonly message: string
  /** The part of the request that cannot be served any more. */
  readonly field?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

const resumable: ReadonlySet<StreamEnd['code']> = new Set([
  'too_slow',
  'unavailable',
  'schema_changed',
  'too_many_changes',
])

/** The error that ends a stream. It carries what the stream handed over, unless no notifier can go on from there. */
export function streamEndError(
  { code, message, cause, field = '', metadata = {} }: StreamEnd,
  deliveredRevision: number,
): QError {
  const canResume = resumable.has(code)
  const resume = canResume ? { resume_after: `${deliveredRevision}` } : {}
  return new QError(code, message, {
    field,
    metadata: { ...metadata, ...resume },
    ...(cause === undefined ? {} : { cause }),
  })
}
