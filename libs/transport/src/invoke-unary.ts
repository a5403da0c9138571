import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, MethodImplSpec, UnaryRequest, UnaryResponse } from '@connectrpc/connect'
import { applyInterceptors } from './apply-interceptors.ts'
import type { Endpoint } from './method-table.ts'

type UnarySpec = Extract<MethodImplSpec, { kind: 'unary' }>

/** Runs the handler of a unary method, through the interceptors. */
export async function invokeUnary(
  endpoint: Endpoint,
  spec: UnarySpec,
  message: MessageShape<DescMessage>,
  context: HandlerContext,
): Promise<MessageShape<DescMessage>> {
  const { method } = spec
  if (endpoint.interceptors.length === 0) return create(method.output, await spec.impl(message, context))
  const handle = async (request: UnaryRequest): Promise<UnaryResponse> => ({
    stream: false,
    service: method.parent,
    method,
    header: context.responseHeader,
    trailer: context.responseTrailer,
    message: create(method.output, await spec.impl(request.message, contextOf(request, context))),
  })
  const request: UnaryRequest = { ...requestOf(context), stream: false, method, message }
  const response = await applyInterceptors(handle, endpoint.interceptors)(request)
  copyHeaders(response.header, context.responseHeader)
  copyHeaders(response.trailer, context.responseTrailer)
  return response.message
}

/** What interceptors see of a call. */
export function requestOf(context: HandlerContext): Omit<UnaryRequest, 'stream' | 'method' | 'message'> {
  return {
    service: context.service,
    requestMethod: context.requestMethod,
    url: context.url,
    signal: context.signal,
    header: context.requestHeader,
    contextValues: context.values,
  }
}

/** The context as interceptors left it. */
export function contextOf(
  request: Omit<UnaryRequest, 'stream' | 'method' | 'message'>,
  context: HandlerContext,
): HandlerContext {
  const { method, service, requestMethod, protocolName, url, timeoutMs, responseHeader, responseTrailer } = context
  const { signal, header: requestHeader, contextValues: values } = request
  const own = { method, service, requestMethod, protocolName, url, timeoutMs, responseHeader, responseTrailer }
  return { ...own, signal, requestHeader, values }
}

export function copyHeaders(from: Headers, to: Headers): void {
  if (from === to) return
  for (const name of Array.from(to.keys())) to.delete(name)
  for (const [name, value] of from) to.append(name, value)
}
