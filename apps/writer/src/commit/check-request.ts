import type { CommitRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** Control characters: PostgreSQL's text has no NUL, and nobody means the others in a key. */
// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f]/

/**
 * Checks what the rules of the proto do not say.
 *
 * @throws QError `invalid_request`
 */
export function checkRequest({ idempotencyKey }: CommitRequest, path: string): void {
  if (idempotencyKey === '' || !controlCharacters.test(idempotencyKey)) return
  throw new QError('invalid_request', 'a key has no control characters', { field: `${path}idempotency_key` })
}
