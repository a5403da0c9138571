import { Code, ConnectError } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import { describe, expect, it } from 'vitest'
import { callError } from './call-error.ts'

/** An error as it comes out of the wire: without what it was made from. */
function received(error: QError): ConnectError {
  const { rawMessage, code, details } = toConnectError(error)
  const copy = new ConnectError(rawMessage, code)
  copy.details = details
  return copy
}

/** What fetch throws when nobody listens. */
function refused(): ConnectError {
  const socketError = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  return ConnectError.from(new TypeError('fetch failed', { cause: socketError }))
}

describe('the error of a call', () => {
  it('has code, field and metadata of the service', () => {
    const error = new QError('unknown_field', 'no such field', { field: 'reads[0].path', metadata: { type: 'Device' } })
    expect(callError(received(error), true)).toMatchObject({
      code: 'unknown_field',
      message: 'no such field',
      field: 'reads[0].path',
      metadata: { type: 'Device' },
    })
  })

  it('is the one that a transport made', () => {
    const error = new QError('no_responders', 'nobody')
    expect(callError(toConnectError(error), false)).toBe(error)
    expect(callError(error, false)).toBe(error)
  })

  it('says of a lost answer whether something may have been done', () => {
    for (const lost of [ConnectError.from(new TypeError('terminated')), new ConnectError('502', Code.Unavailable)]) {
      expect(callError(lost, true)).toMatchObject({ code: 'unavailable' })
      expect(callError(lost, false)).toMatchObject({ code: 'outcome_unknown' })
    }
  })

  it('is an answer, and not a lost one, if a service gave it', () => {
    expect(callError(received(new QError('unavailable', 'PostgreSQL is away')), false)).toMatchObject({
      code: 'unavailable',
      message: 'PostgreSQL is away',
    })
    expect(callError(received(new QError('compacted', 'gone')), false)).toMatchObject({ code: 'compacted' })
    const newer = new QError('unavailable', 'from a newer server')
    Object.defineProperty(newer, 'code', { value: 'not_known_yet' })
    Object.defineProperty(newer, 'status', { value: 'unavailable' })
    expect(callError(received(newer), false)).toMatchObject({ code: 'unavailable', message: 'from a newer server' })
  })

  it('says of a connection that was refused that nothing was done', () => {
    expect(callError(refused(), false)).toMatchObject({ code: 'unavailable' })
  })

  it('has the nearest code for a status without a reason', () => {
    const codes = [Code.Unauthenticated, Code.PermissionDenied, Code.Unimplemented, Code.DeadlineExceeded, Code.Aborted]
    expect(codes.map((code) => callError(new ConnectError('x', code), false).code)).toEqual([
      'unauthenticated',
      'permission_denied',
      'unknown_method',
      'deadline_exceeded',
      'internal',
    ])
  })
})
