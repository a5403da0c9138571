import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect'
import { isQError, QError, type ErrorCode } from '@qcore/errors'
import { fromConnectError, toConnectError } from '@qcore/transport'
import type { HttpRequest, HttpResponse } from '../http/exchange.ts'

/** What a route answers. */
export interface Answer {
  readonly status: number
  /** Absent: the answer has none. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly contentType?: string
}

/** Where HTTP has a status that says more than the one of the code. */
const statusOfCode: Partial<Record<ErrorCode, number>> = {
  payload_too_large: 413,
  unknown_method: 404,
  condition_failed: 412,
  no_responders: 503,
}

export function sendAnswer(response: HttpResponse, { status, body, headers = {}, contentType }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body === undefined) {
    response.writeHead(status).end()
    return
  }
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': contentType ?? 'application/json; charset=utf-8',
    'content-length': bytes.length,
  })
  response.end(bytes)
}

/** An error as Qhronos writes it, with its code; or as RFC 9457 has it, if the caller asks for that. */
export function errorAnswer(request: HttpRequest, error: unknown, status = statusOf(error)): Answer {
  const { code, message, field } = asQError(error)
  const headers = status === 401 ? { 'www-authenticate': 'Bearer' } : {}
  const more = field === '' ? {} : { field }
  if (!/\bapplication\/problem\+json\b/.test(request.headers.accept ?? '')) {
    return { status, headers, body: { error: message, code, ...more } }
  }
  const title = code.replaceAll('_', ' ')
  const body = { type: `urn:qcore:error:${code}`, title, status, detail: message, code, ...more }
  return { status, headers, body, contentType: 'application/problem+json' }
}

function statusOf(error: unknown): number {
  const { code } = asQError(error)
  return statusOfCode[code] ?? codeToHttpStatus(toConnectError(asQError(error)).code)
}

/** Callers learn nothing of faults but that there was one. */
function asQError(error: unknown): QError {
  if (isQError(error)) return error
  const translated = fromConnectError(error)
  return isQError(translated) ? translated : new QError('internal', 'internal error')
}
