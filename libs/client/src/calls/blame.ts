import { QError } from '@qcore/errors'

/**
 * Which part of a batch made the whole request fail: `reads[3].path` blames part 3 of `reads`. Undefined if the error
 * does not say.
 */
export function blamedPart(error: QError, list: string): number | undefined {
  const [, index] = new RegExp(`^${list}\\[(\\d+)\\]`).exec(error.field) ?? []
  return index === undefined ? undefined : Number(index)
}

/** Whether a request was refused for what is in it, so that others of its batch may do without the refused one. */
export function isRefusedForContent(error: QError): boolean {
  return error.code === 'invalid_request' || error.code === 'payload_too_large'
}

/** The error for the caller of one part: the part's place in a batch is nothing to them. */
export function errorOfPart(error: QError, list: string): QError {
  const field = error.field.replace(new RegExp(`^${list}\\[\\d+\\]\\.?`), '')
  if (field === error.field) return error
  return new QError(error.code, error.message, { field, metadata: { ...error.metadata }, cause: error.cause })
}
