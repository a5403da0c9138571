import type {
  DescMessage,
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageShape,
} from '@bufbuild/protobuf'
import { codeToString } from '@connectrpc/connect/protocol-connect'
import type { Transport } from '@connectrpc/connect'
import { BackPressure, WatchService, type WatchRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import type { Forwarding } from '../forward/byte-forwarder.ts'
import { CallMeter } from '../forward/call-meter.ts'
import type { HttpRequest } from '../http/exchange.ts'
import { readBody } from '../http/read-body.ts'
import { SharedWatches } from './fan-out/shared-watches.ts'
import { WatchStep } from './fan-out/watch-step.ts'

/** Who calls, and until when. */
export interface StreamCaller {
  readonly token: string
  readonly signal: AbortSignal
}

/** Ways to the services for streams. */
export interface StreamTransports {
  readonly usual: Transport
  /** One message at a time is on its way: what is folded is not kept on the way. */
  readonly oneByOne: Transport
}

interface Call<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodServerStreaming<I, O>
  readonly request: MessageShape<I>
  readonly caller: StreamCaller
  readonly signal: AbortSignal
}

/** Calls the services for those who come over WebSockets and Server-Sent Events, with the checks of all other calls. */
export class StreamCalls {
  readonly #forwarding: Forwarding
  readonly #transports: StreamTransports
  readonly #watches: SharedWatches
  readonly #meters = new Map<DescMethod, CallMeter>()

  constructor(forwarding: Forwarding, transports: StreamTransports) {
    this.#forwarding = forwarding
    this.#transports = transports
    this.#watches = new SharedWatches(transports.usual, forwarding.context.verifier)
  }

  /**
   * Calls a method that answers with a stream. Who leaves it aborts the signal.
   *
   * @throws QError or ConnectError: what refuses it here, or ends it; `unavailable` when the gateway stops
   */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    caller: StreamCaller,
  ): AsyncGenerator<MessageShape<O>> {
    return this.#run(method, caller, (signal) =>
      this.#call(this.#transports.usual, { method, request, caller, signal }),
    )
  }

  /** Watches, in the same way. Those who watch the same share what comes, unless what they do not take is folded for each. */
  watch(request: WatchRequest, caller: StreamCaller): AsyncGenerator<WatchStep> {
    const { method } = WatchService
    const { token } = caller
    return this.#run(method.watch, caller, async (signal) => {
      if (request.backPressure === BackPressure.LATEST) return this.#latest(request, caller, signal)
      const claims = await this.#forwarding.context.verifier.verify(token)
      return this.#watches.watch({ request, token, claims }, signal)
    })
  }

  async *#latest(request: WatchRequest, caller: StreamCaller, signal: AbortSignal): AsyncGenerator<WatchStep> {
    const method = WatchService.method.watch
    const responses = await this.#call(this.#transports.oneByOne, { method, request, caller, signal })
    for await (const response of responses) yield new WatchStep(response)
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    transport: Transport,
    { method, request, caller, signal }: Call<I, O>,
  ): Promise<AsyncIterable<MessageShape<O>>> {
    const header = { authorization: `Bearer ${caller.token}` }
    return (await transport.stream(method, signal, undefined, header, only(request))).message
  }

  /** Counts a stream, and ends it with its caller and the gateway. */
  async *#run<T>(
    method: DescMethod,
    { token, signal }: StreamCaller,
    open: (signal: AbortSignal) => Promise<AsyncIterable<T>>,
  ): AsyncGenerator<T> {
    const { openCalls, admission, stopping } = this.#forwarding
    const startedAtMs = performance.now()
    const ended = new AbortController()
    const end = (): void => ended.abort()
    if (signal.aborted || stopping.aborted) end()
    signal.addEventListener('abort', end)
    stopping.addEventListener('abort', end)
    let code = 'canceled'
    openCalls.enter('stream')
    try {
      openCalls.assertRoom('stream')
      await admission.admitCall(method, `Bearer ${token}`)
      yield* await open(ended.signal)
      code = 'ok'
    } catch (error) {
      const told = stopping.aborted && !signal.aborted ? stoppingError(error) : error
      code = this.#codeOf(method, told)
      throw told
    } finally {
      signal.removeEventListener('abort', end)
      stopping.removeEventListener('abort', end)
      end()
      openCalls.leave('stream')
      this.#meterOf(method).countStream(code, performance.now() - startedAtMs)
    }
  }

  /** Calls a method that answers once. Throws as `stream` does. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    token: string,
  ): Promise<MessageShape<O>> {
    const { openCalls, admission, context } = this.#forwarding
    const startedAtMs = performance.now()
    let code = 'ok'
    openCalls.enter('call')
    try {
      openCalls.assertRoom('call')
      const authorization = `Bearer ${token}`
      await admission.admitCall(method, authorization)
      const { maxTimeoutMs } = context.config
      const answer = await this.#transports.usual.unary(method, undefined, maxTimeoutMs, { authorization }, request)
      return answer.message
    } catch (error) {
      code = this.#codeOf(method, error)
      throw error
    } finally {
      openCalls.leave('call')
      this.#meterOf(method).count(code, performance.now() - startedAtMs)
    }
  }

  /**
   * The body of a request whose caller is known. It is held in memory: while it comes it is one of the calls that run at a
   * time.
   *
   * @throws QError `overloaded`, `payload_too_large`, `canceled`
   */
  async body(request: HttpRequest): Promise<Uint8Array> {
    const { openCalls, context } = this.#forwarding
    const { maxBodyBytes, receiveTimeoutMs } = context.config
    openCalls.enter('call')
    try {
      openCalls.assertRoom('call')
      return await readBody(request, { limitBytes: maxBodyBytes, timeoutMs: receiveTimeoutMs })
    } finally {
      openCalls.leave('call')
    }
  }

  #codeOf(method: DescMethod, error: unknown): string {
    this.#meterOf(method).explain(error)
    return codeToString(toConnectError(error).code)
  }

  #meterOf(method: DescMethod): CallMeter {
    let meter = this.#meters.get(method)
    if (meter === undefined) {
      meter = new CallMeter(method, this.#forwarding.context.logger)
      this.#meters.set(method, meter)
    }
    return meter
  }
}

function stoppingError(cause: unknown): QError {
  return new QError('unavailable', 'the gateway is stopping; another one goes on', { cause })
}

async function* only<T>(message: T): AsyncGenerator<T> {
  yield message
}
