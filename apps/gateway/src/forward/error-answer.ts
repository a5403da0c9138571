import type { ConnectError } from '@connectrpc/connect'
import { codeToHttpStatus, codeToString, errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { QError, type ErrorCode } from '@qcore/errors'
import { fromConnectError, toConnectError } from '@qcore/transport'
import type { HttpResponse } from '../http/exchange.ts'

/** Where HTTP has a status that says more than the one of the Connect code. */
const statusOfCode: Partial<Record<ErrorCode, number>> = { payload_too_large: 413, unknown_method: 404 }

/**
 * Answers with an error as the Connect protocol writes it, and returns its Connect code. `body` is the error as JSON if
 * it is there already.
 */
export function sendError(response: HttpResponse, error: unknown, body?: Uint8Array): string {
  const connectError = toConnectError(error)
  const status = httpStatus(connectError, error)
  const bytes = body ?? errorToJsonBytes(connectError, undefined)
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
  return codeToString(connectError.code)
}

/** The status of an error over HTTP. */
export function httpStatus(connectError: ConnectError, error: unknown): number {
  const { code } = error instanceof QError ? error : fromConnectError(connectError)
  return statusOfCode[code] ?? codeToHttpStatus(connectError.code)
}
