import type { DescMethod } from '@bufbuild/protobuf'
import type { ByteForwarder } from '../forward/byte-forwarder.ts'
import { connectContentType } from '../forward/connect-request.ts'
import type { ProtocolServer } from '../forward/protocol-exchange.ts'
import { answerUnknownMethod, isCall } from '../forward/unknown-method.ts'
import { answerCors } from './cors.ts'
import type { HttpHandler } from './exchange.ts'

/** How a method is served. */
export interface MethodRoute {
  protocols: ProtocolServer
  /** For unary methods of the platform, which can be forwarded as bytes. */
  bytes?: ByteForwarder
}

export interface RouterOptions {
  routes: ReadonlyMap<string, MethodRoute>
  origins: readonly string[]
  /** Who answers at a path that is no call; undefined for other paths. */
  pages: (path: string) => HttpHandler | undefined
  /** Answers everything that is no call. */
  otherwise: HttpHandler
  stopping: AbortSignal
}

/** The path of a method, in all protocols. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}

/** Finds who answers a request. */
export function createRouter({ routes, origins, pages, otherwise, stopping }: RouterOptions): HttpHandler {
  return (request, response) => {
    if (stopping.aborted) response.shouldKeepAlive = false
    if (answerCors(origins, request, response)) return
    const url = request.url ?? '/'
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    const route = routes.get(path)
    if (route === undefined) {
      const page = pages(path)
      if (page !== undefined) page(request, response)
      else if (isCall(request)) answerUnknownMethod(request, response)
      else otherwise(request, response)
      return
    }
    const { bytes, protocols } = route
    const contentType = request.method === 'POST' ? connectContentType(request) : undefined
    if (bytes !== undefined && contentType !== undefined) void bytes.forward(request, response, contentType)
    else if (bytes?.takesGet === true && request.method === 'GET') void bytes.forward(request, response)
    else void protocols.serve(request, response)
  }
}
