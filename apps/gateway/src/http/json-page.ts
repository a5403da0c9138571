import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { sendError } from '../forward/error-answer.ts'
import type { Admission } from '../limits/admission.ts'
import type { OpenCalls } from '../limits/open-calls.ts'
import { assertOrigin } from '../websocket/origin.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from './exchange.ts'

export interface JsonPageOptions {
  readonly openCalls: OpenCalls
  readonly admission: Admission
  readonly logger: Logger
  /** Whose pages may ask, besides the gateway's own. */
  readonly origins: readonly string[]
}

/** A page that answers one verb with JSON, and whatever goes wrong with an error that has a code. */
export function jsonPage(
  { openCalls, admission, logger, origins }: JsonPageOptions,
  method: 'GET' | 'POST',
  answer: (request: HttpRequest, response: HttpResponse) => Promise<unknown>,
): HttpHandler {
  const serve = async (request: HttpRequest, response: HttpResponse): Promise<void> => {
    openCalls.enter('call')
    try {
      openCalls.assertRoom('call')
      admission.admitPage(request, response)
      if (request.method !== method) {
        throw new QError('invalid_request', `this is asked for by ${method}, not by ${request.method ?? 'nothing'}`)
      }
      assertOrigin(request, origins)
      const json = await answer(request, response)
      if (!response.headersSent) sendJson(response, 200, json)
    } catch (error) {
      if (!isQError(error)) logger.error({ err: error }, 'a request could not be answered')
      request.resume()
      if (!response.headersSent && !response.destroyed) sendError(response, error)
    } finally {
      openCalls.leave('call')
    }
  }
  return (request, response) => void serve(request, response)
}

/** Sends a document. */
export function sendJson(response: HttpResponse, status: number, json: unknown): void {
  const body = Buffer.from(JSON.stringify(json))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}
