import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, MethodImplSpec, StreamRequest, StreamResponse } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import { applyInterceptors } from './apply-interceptors.ts'
import { contextOf, copyHeaders, requestOf } from './invoke-unary.ts'
import type { Endpoint } from './method-table.ts'

export type StreamSpec = Extract<MethodImplSpec, { kind: 'server_streaming' }>

/** Runs the handler of a server-streaming method, through the interceptors. */
export function invokeStream(
  endpoint: Endpoint,
  spec: StreamSpec,
  message: MessageShape<DescMessage>,
  context: HandlerContext,
): AsyncIterable<MessageInitShape<DescMessage>> {
  if (endpoint.interceptors.length === 0) return spec.impl(message, context)
  return interceptStream(endpoint, spec, message, context)
}

async function* interceptStream(
  endpoint: Endpoint,
  spec: StreamSpec,
  message: MessageShape<DescMessage>,
  context: HandlerContext,
): AsyncGenerator<MessageInitShape<DescMessage>, void> {
  const { method } = spec
  const handle = async (request: StreamRequest): Promise<StreamResponse> => ({
    stream: true,
    service: method.parent,
    method,
    header: context.responseHeader,
    trailer: context.responseTrailer,
    message: normalized(method.output, spec.impl(await onlyMessage(request.message), contextOf(request, context))),
  })
  const request: StreamRequest = { ...requestOf(context), stream: true, method, message: once(message) }
  const response = await applyInterceptors(handle, endpoint.interceptors)(request)
  copyHeaders(response.header, context.responseHeader)
  yield* response.message
  copyHeaders(response.trailer, context.responseTrailer)
}

/** What handlers and callers may write in short, in full. */
export async function* normalized<Desc extends DescMessage>(
  schema: Desc,
  messages: AsyncIterable<MessageInitShape<Desc>>,
): AsyncGenerator<MessageShape<Desc>> {
  for await (const message of messages) yield create(schema, message)
}

/** The message of a call whose request is a stream of one. Throws `invalid_request`. */
export async function onlyMessage<T>(messages: AsyncIterable<T>): Promise<T> {
  for await (const message of messages) return message
  throw new QError('invalid_request', 'the call has no message')
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message
}
