import { QError } from '@qcore/errors'

const noNul = /\\u0000|\0/

/** Checks what is said of a node. Gives the metadata, an object of JSON. Throws `invalid_request`. */
export function checkedMetadata(metadata: string): string {
  if (metadata === '') return '{}'
  if (noNul.test(metadata)) throw invalid('the NUL character cannot be kept', 'metadata')
  let value: unknown
  try {
    value = JSON.parse(metadata)
  } catch (error) {
    throw invalid('the metadata is not JSON', 'metadata', error)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return metadata
  throw invalid('the metadata is no object of JSON', 'metadata')
}

/** Checks a text that is kept. Throws `invalid_request`. */
export function assertNoNul(text: string, field: string): void {
  if (text.includes('\0')) throw invalid('the NUL character cannot be kept', field)
}

function invalid(message: string, field: string, cause?: unknown): QError {
  return new QError('invalid_request', message, { field, ...(cause === undefined ? {} : { cause }) })
}
