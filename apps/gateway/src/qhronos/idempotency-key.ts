import { createHash } from 'node:crypto'
import { QError } from '@qcore/errors'
import type { OwnedCall } from './route.ts'

/**
 * The key that a client gave its call; empty if it gave none.
 *
 * @throws QError `invalid_request`
 */
export function idempotencyKey({ request }: Pick<OwnedCall, 'request'>): string {
  const key = request.headers['idempotency-key']
  if (key === undefined) return ''
  if (typeof key === 'string' && /^[\x20-\x7e]{1,128}$/.test(key)) return key
  throw new QError('invalid_request', 'the idempotency key has 1 to 128 visible characters', {
    field: 'idempotency-key',
  })
}

/**
 * The key of what the call does. The services know of no callers: keys that two of them chose alike are two.
 *
 * @param deed of calls that do the same with one key; those that do something else have another key
 */
export function ownKey(call: Pick<OwnedCall, 'request' | 'caller'>, deed = ''): string {
  const key = idempotencyKey(call)
  if (key === '') return ''
  const text = `${call.caller.claims.subject}\0${key}${deed === '' ? '' : `\0${deed}`}`
  return `qhronos:${createHash('sha256').update(text).digest('hex')}`
}
