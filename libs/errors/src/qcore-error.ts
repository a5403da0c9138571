import { errorRegistry, type ErrorCode, type WireStatus } from './registry.ts'

export interface QErrorOptions {
  /** The part of the request, or the setting, that is wrong. */
  field?: string
  /** Further facts for programs. */
  metadata?: Record<string, string>
  cause?: unknown
}

/** An error with a stable code. Messages are for people and may change. */
export class QError extends Error {
  override readonly name = 'QError'
  readonly code: ErrorCode
  /** The part of the request, or the setting, that is wrong; empty if none is. */
  readonly field: string
  readonly metadata: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: QErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.field = options.field ?? ''
    this.metadata = options.metadata ?? {}
  }

  /** The status that the error has on the wire. */
  get status(): WireStatus {
    return errorRegistry[this.code].status
  }
}

/** Whether an error is a QError, of one code if given. */
export function isQError(error: unknown, code?: ErrorCode): error is QError {
  return error instanceof QError && (code === undefined || error.code === code)
}
