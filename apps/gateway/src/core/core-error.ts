import { QError } from '@qcore/errors'
import { fromConnectError, toConnectError } from '@qcore/transport'
import { httpStatus } from '../forward/error-answer.ts'
import type { HttpResponse } from '../http/exchange.ts'
import { sendJson } from '../http/json-page.ts'

/** A request whose verb or content type is not taken: HTTP has a status of its own for each. */
export class WrongForm extends QError {
  readonly httpStatus: 405 | 415
  /** The verbs that are taken. */
  readonly allowed: string

  constructor(status: 405 | 415, message: string, field: string, allowed = 'POST') {
    super('invalid_request', message, { field })
    this.httpStatus = status
    this.allowed = allowed
  }
}

/** Answers with an error as the seed's clients read it: `error` for people, and beside it the code and the field. */
export function sendCoreError(response: HttpResponse, error: unknown, nameOf: (field: string) => string): void {
  const connectError = toConnectError(error)
  const { code, message, field } = error instanceof QError ? error : fromConnectError(connectError)
  const status = error instanceof WrongForm ? error.httpStatus : httpStatus(connectError, error)
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  if (error instanceof WrongForm && status === 405) response.setHeader('allow', error.allowed)
  sendJson(response, status, field === '' ? { error: message, code } : { error: message, code, field: nameOf(field) })
}
