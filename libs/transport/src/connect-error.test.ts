import { Code, ConnectError } from '@connectrpc/connect'
import { errorFromJsonBytes, errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { errorRegistry, QError, type ErrorCode } from '@qcore/errors'
import { expect, it } from 'vitest'
import { fromConnectError, toConnectError } from './connect-error.ts'

function overTheWire(error: ConnectError): ConnectError {
  return errorFromJsonBytes(errorToJsonBytes(error, undefined), undefined, new ConnectError('unreadable'))
}

it.each(Object.keys(errorRegistry) as ErrorCode[])('brings %s to the other side', (code) => {
  const error = new QError(code, 'what happened', { field: 'reads[0].path', metadata: { limit: '5' } })
  const received = overTheWire(toConnectError(error))
  expect(fromConnectError(received)).toMatchObject({
    code,
    message: 'what happened',
    field: 'reads[0].path',
    metadata: { limit: '5' },
  })
  expect(received.code).toBe(toConnectError(error).code)
  expect(Code[received.code].toLowerCase()).toBe(errorRegistry[code].status.replaceAll('_', ''))
})

it('gives back the very error on the same side', () => {
  const error = new QError('canceled', 'enough')
  expect(fromConnectError(toConnectError(error))).toBe(error)
  expect(fromConnectError(error)).toBe(error)
  const foreign = new ConnectError('as it is', Code.Aborted)
  expect(toConnectError(foreign)).toBe(foreign)
})

it('keeps the text of a fault to itself', () => {
  const error = toConnectError(new TypeError('secret'))
  expect(error.code).toBe(Code.Internal)
  expect(new TextDecoder().decode(errorToJsonBytes(error, undefined))).not.toContain('secret')
  expect(fromConnectError(error).cause).toMatchObject({ message: 'secret' })
})

it('knows the errors of aborted signals', () => {
  expect(fromConnectError(new DOMException('', 'AbortError'))).toMatchObject({ code: 'canceled' })
  expect(fromConnectError(new DOMException('', 'TimeoutError'))).toMatchObject({ code: 'deadline_exceeded' })
})

it('reads an error without a reason of ours by its status', () => {
  expect(fromConnectError(new ConnectError('try later', Code.Unavailable))).toMatchObject({ code: 'unavailable' })
  expect(fromConnectError(new ConnectError('odd', Code.DataLoss))).toMatchObject({ code: 'internal' })
})

it('reads a reason that it does not know by its status', () => {
  const newer = new QError('unavailable', 'from a newer server')
  Object.defineProperty(newer, 'code', { value: 'not_known_yet' })
  Object.defineProperty(newer, 'status', { value: 'unavailable' })
  expect(fromConnectError(overTheWire(toConnectError(newer)))).toMatchObject({ code: 'unavailable' })
})
