import { QError } from '@qcore/errors'

/** An escaped NUL: after an even number of backslashes. */
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/

/**
 * Checks that the payload of an event is JSON that PostgreSQL's types can hold. Empty stands for `{}`.
 *
 * @throws QError `invalid_request`
 */
export function checkPayload(payload: string, field: string): void {
  if (payload === '') return
  try {
    JSON.parse(payload)
  } catch (error) {
    throw new QError('invalid_request', 'the payload is not JSON', { field, cause: error })
  }
  if (escapedNul.test(payload)) {
    throw new QError('invalid_request', 'the payload holds the NUL character, which PostgreSQL cannot hold', { field })
  }
}
