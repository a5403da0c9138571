import { QError } from '@qcore/errors'
import type { HttpRequest, HttpResponse } from '../http/exchange.ts'
import { sendError } from './error-answer.ts'

const rpcContentType = /^application\/(?:grpc|json|proto|connect\+)/
/** UNIMPLEMENTED of gRPC. */
const grpcUnimplemented = '12'

/** Whether a request for a path that nobody serves was meant as a call. */
export function isCall({ method, headers }: HttpRequest): boolean {
  return method === 'POST' && rpcContentType.test(headers['content-type'] ?? '')
}

/** Answers a call of an unknown method in the protocol of the caller. */
export function answerUnknownMethod(request: HttpRequest, response: HttpResponse): void {
  const contentType = request.headers['content-type'] ?? ''
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const text = `there is no method ${path}`
  request.resume()
  if (!contentType.startsWith('application/grpc')) {
    sendError(response, new QError('unknown_method', text))
    return
  }
  response.writeHead(200, {
    'content-type': contentType,
    'grpc-status': grpcUnimplemented,
    'grpc-message': encodeURIComponent(text),
  })
  response.end()
}
