import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2'

/** Requests and responses of HTTP/2 come through Node's compatibility API, and are used as those of HTTP/1.1. */
export type HttpRequest = IncomingMessage
export type HttpResponse = ServerResponse

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void

/** The same handler for HTTP/2. */
export function forHttp2(handler: HttpHandler): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const handle = handler as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void
  return (request, response) => {
    stopAfterAnswer(request.stream)
    handle(request, response)
  }
}

/** A client that goes on sending after its answer is told to stop: otherwise the call would never end. */
function stopAfterAnswer(stream: ServerHttp2Stream): void {
  const stop = (): void => {
    if (!stream.readableEnded && !stream.closed) stream.close(http2NoErrorCode)
  }
  // The body is sent, and the trailers that follow it are on their way after this turn.
  stream.once('wantTrailers', () => {
    if (!stream.readableEnded) setImmediate(stop)
  })
  // An answer that is nothing but headers has no trailers.
  stream.once('finish', () => {
    if (!stream.readableEnded) setImmediate(() => stream.state.localClose === 1 && stop())
  })
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

/** NO_ERROR of RFC 9113, 8.1: the answer is whole, and the rest of the request is not needed. */
const http2NoErrorCode = 0
/** CANCEL of RFC 9113, 7: the stream is no longer needed. */
const http2CancelCode = 8
