import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, MethodImplSpec, StreamRequest, StreamResponse } from '@connectrpc/connect'
import { applyInterceptors } from './apply-interceptors.ts'
import { contextOf, copyHeaders, requestOf } from './invoke-unary.ts'
import type { Endpoint } from './method-table.ts'
import { QError } from '@qcore/errors'

type StreamSpec = Extract<MethodImplSpec, { kind: 'server_streaming' }>

/** Runs the handler of a server-streaming method, through the interceptors. */
export async function* invokeStream(
  endpoint: Endpoint,
  spec: StreamSpec,
  message: MessageShape<DescMessage>,
  context: HandlerContext,
): AsyncGenerator<MessageShape<DescMessage>, void> {
  const { method } = spec
  const handle = async (request: StreamRequest): Promise<StreamResponse> => ({
    stream: true,
    service: method.parent,
    method,
    header: context.responseHeader,
    trailer: context.responseTrailer,
    message: spec.impl(await onlyMessage(request.message), contextOf(request, context)) as AsyncIterable<
      MessageShape<DescMessage>
    >,
  })
  const request: StreamRequest = { ...requestOf(context), stream: true, method, message: once(message) }
  const response = await applyInterceptors(handle, endpoint.interceptors)(request)
  copyHeaders(response.header, context.responseHeader)
  for await (const output of response.message) yield create(method.output, output)
  copyHeaders(response.trailer, context.responseTrailer)
}

/** The message of a call whose request is a stream of one. Throws `invalid_request`. */
export async function onlyMessage<T>(messages: AsyncIterable<T>): Promise<T> {
  for await (const message of messages) return message
  throw new QError('invalid_request', 'the call has no message')
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message
}
