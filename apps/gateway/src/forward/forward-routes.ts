import {
  isMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
} from '@bufbuild/protobuf'
import { type ConnectRouter, type HandlerContext, type ServiceImpl, type Transport } from '@connectrpc/connect'
import { BackPressure, WatchRequestSchema } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { isCustom, passedHeaders } from './passed-headers.ts'

export interface ForwardOptions {
  transport: Transport
  /** The same, with streams of which one message at a time is on its way: for what is folded where it comes from. */
  oneByOne: Transport
  /** The longest deadline of a unary call. */
  maxTimeoutMs: number
  /** Ends the streams: they are told to go elsewhere. */
  stopping: AbortSignal
}

/** Serves all methods of services by calling them through a transport, whatever protocol a caller speaks. */
export function forwardServices(
  router: ConnectRouter,
  services: readonly DescService[],
  options: ForwardOptions,
): void {
  for (const service of services) {
    const methods = service.methods.map((method) => [method.localName, forwardMethod(method, options)])
    router.service(service, Object.fromEntries(methods) as Partial<ServiceImpl<DescService>>)
  }
}

function forwardMethod(method: DescMethod, options: ForwardOptions): unknown {
  if (isUnary(method)) return forwardUnary(method, options)
  if (isServerStreaming(method)) return forwardStream(method, options)
  throw new Error(`${method.parent.typeName}/${method.name} is ${method.methodKind}, which is not forwarded`)
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary'
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === 'server_streaming'
}

function forwardUnary(method: DescMethodUnary, { transport, maxTimeoutMs }: ForwardOptions) {
  return async (request: Message, context: HandlerContext): Promise<Message> => {
    const timeoutMs = Math.min(context.timeoutMs() ?? maxTimeoutMs, maxTimeoutMs)
    const { signal, requestHeader } = context
    const answer = await transport.unary(method, signal, timeoutMs, passedHeaders(requestHeader), request)
    copyHeaders(answer.header, context.responseHeader)
    copyHeaders(answer.trailer, context.responseTrailer)
    return answer.message
  }
}

function forwardStream(method: DescMethodServerStreaming, { transport, oneByOne, stopping }: ForwardOptions) {
  return async function* (request: Message, context: HandlerContext): AsyncGenerator<Message> {
    const ended = new AbortController()
    const end = (): void => ended.abort()
    if (context.signal.aborted || stopping.aborted) end()
    context.signal.addEventListener('abort', end)
    stopping.addEventListener('abort', end)
    try {
      const headers = passedHeaders(context.requestHeader)
      const isLatest = isMessage(request, WatchRequestSchema) && request.backPressure === BackPressure.LATEST
      const way = isLatest ? oneByOne : transport
      const answer = await way.stream(method, ended.signal, context.timeoutMs(), headers, only(request))
      copyHeaders(answer.header, context.responseHeader)
      yield* answer.message
      copyHeaders(answer.trailer, context.responseTrailer)
    } catch (error) {
      if (!stopping.aborted || context.signal.aborted) throw error
      throw new QError('unavailable', 'the gateway is stopping; another one goes on', { cause: error })
    } finally {
      context.signal.removeEventListener('abort', end)
      stopping.removeEventListener('abort', end)
      end()
    }
  }
}

async function* only<T>(message: T): AsyncGenerator<T> {
  yield message
}

function copyHeaders(from: Headers, to: Headers): void {
  for (const [name, value] of from) if (isCustom(name)) to.append(name, value)
}
