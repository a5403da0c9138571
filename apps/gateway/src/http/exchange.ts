import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** Requests and responses of HTTP/2 come through Node's compatibility API, and are used as those of HTTP/1.1. */
export type HttpRequest = IncomingMessage
export type HttpResponse = ServerResponse

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void

/** The same handler for HTTP/2. */
export function forHttp2(handler: HttpHandler): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  return handler as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void
}

/** The HTTP/2 request that it really is; undefined for HTTP/1.1. */
export function asHttp2(request: HttpRequest): Http2ServerRequest | undefined {
  return request.httpVersionMajor === 2 ? (request as unknown as Http2ServerRequest) : undefined
}

/** Ends an exchange without an answer, and on HTTP/1.1 its connection. */
export function cutOff(request: HttpRequest): void {
  const http2 = asHttp2(request)
  if (http2 === undefined) request.socket.destroy()
  else http2.stream.close(http2CancelCode)
}

/** CANCEL of RFC 9113, 7: the stream is no longer needed. */
const http2CancelCode = 8
