import type {
  DescMessage,
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageShape,
} from '@bufbuild/protobuf'
import { codeToString } from '@connectrpc/connect/protocol-connect'
import type { Transport } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import type { Forwarding } from '../forward/byte-forwarder.ts'
import { CallMeter } from '../forward/call-meter.ts'

/** Who calls, and until when. */
export interface StreamCaller {
  readonly token: string
  readonly signal: AbortSignal
}

/** Calls the services for those who come over WebSockets and Server-Sent Events, with the checks of all other calls. */
export class StreamCalls {
  readonly #forwarding: Forwarding
  readonly #transport: Transport
  readonly #meters = new Map<DescMethod, CallMeter>()

  constructor(forwarding: Forwarding, transport: Transport) {
    this.#forwarding = forwarding
    this.#transport = transport
  }

  /**
   * Calls a method that answers with a stream. Who leaves it aborts the signal.
   *
   * @throws QError or ConnectError: what refuses it here, or ends it; `unavailable` when the gateway stops
   */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    { token, signal }: StreamCaller,
  ): AsyncGenerator<MessageShape<O>> {
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
      const authorization = `Bearer ${token}`
      await admission.admitCall(method, authorization)
      const answer = await this.#transport.stream(method, ended.signal, undefined, { authorization }, only(request))
      yield* answer.message
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
      const answer = await this.#transport.unary(method, undefined, maxTimeoutMs, { authorization }, request)
      return answer.message
    } catch (error) {
      code = this.#codeOf(method, error)
      throw error
    } finally {
      openCalls.leave('call')
      this.#meterOf(method).count(code, performance.now() - startedAtMs)
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
