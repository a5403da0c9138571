import { createContextKey, createContextValues, type ContextKey } from '@connectrpc/connect'
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node'
import type { UniversalHandler } from '@connectrpc/connect/protocol'
import type { DescMethod } from '@bufbuild/protobuf'
import { cutOff, type HttpRequest, type HttpResponse } from '../http/exchange.ts'
import type { CallKind } from '../limits/open-calls.ts'
import { CallMeter } from './call-meter.ts'
import type { Forwarding } from './byte-forwarder.ts'
import { isUndecodable, undecodableBody } from './undecodable-request.ts'
import { limitRequestBody, watchResponseBody } from './body-limits.ts'
import { withWrongForm } from './wrong-form.ts'

/** One call on its way through Connect's handlers. */
export interface ProtocolExchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly kind: CallKind
  readonly meter: CallMeter
  /** The Connect code that the call ended with, once it did. */
  code: string | undefined
  /** Whether it is decided that the call is refused, and only the answer is to be written. */
  isRefused: boolean
}

/** Where the handlers of a call find its exchange. */
export const exchangeKey: ContextKey<ProtocolExchange | undefined> = createContextKey<ProtocolExchange | undefined>(
  undefined,
)

/** Serves one method in the protocols that are not plain bytes: gRPC, gRPC-Web and the streams of Connect. */
export class ProtocolServer {
  readonly #forwarding: Forwarding
  readonly #handler: UniversalHandler
  readonly #kind: CallKind
  readonly #meter: CallMeter

  constructor(forwarding: Forwarding, handler: UniversalHandler) {
    this.#forwarding = forwarding
    this.#handler = handler
    this.#kind = handler.method.methodKind === 'unary' ? 'call' : 'stream'
    this.#meter = new CallMeter(handler.method, forwarding.context.logger)
  }

  get method(): DescMethod {
    return this.#handler.method
  }

  /** Answers a request. Never rejects. */
  async serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const exchange: ProtocolExchange = {
      request,
      response,
      kind: this.#kind,
      meter: this.#meter,
      code: undefined,
      isRefused: false,
    }
    this.#countUntilClosed(exchange)
    const { config, logger } = this.#forwarding.context
    try {
      const values = createContextValues().set(exchangeKey, exchange)
      const universal = universalRequestFromNodeRequest(request, response, undefined, values)
      const requestBody = limitRequestBody(exchange, {
        limitBytes: config.maxBodyBytes,
        timeoutMs: config.receiveTimeoutMs,
        isEndless: this.#handler.method.methodKind === 'bidi_streaming',
      })
      let answer = await this.#handler({ ...universal, body: requestBody })
      if (isUndecodable(exchange, answer.status)) {
        // Connect calls it a fault of the server, without our code: it is asked again to write the right error.
        exchange.isRefused = true
        answer = await this.#handler({ ...universal, body: undecodableBody(exchange) })
      }
      answer = withWrongForm(answer, request)
      const { body } = answer
      const watched = body === undefined ? {} : { body: watchResponseBody(exchange, body, config.stallTimeoutMs) }
      await universalResponseToNodeResponse({ ...answer, ...watched }, response)
    } catch (error) {
      // What a handler says is in its answer by now: this is the client going away, or its connection failing.
      logger.debug({ err: error, method: this.#handler.method.name }, 'an answer could not be sent')
      if (!response.writableEnded) cutOff(request)
    }
  }

  #countUntilClosed(exchange: ProtocolExchange): void {
    const startedAtMs = performance.now()
    const { openCalls } = this.#forwarding
    const { response } = exchange
    openCalls.enter(this.#kind)
    response.once('close', () => {
      openCalls.leave(this.#kind)
      // A request that cannot be decoded never reaches the handlers, which would have said how it ended.
      const code = exchange.code ?? (response.writableEnded ? 'invalid_argument' : 'canceled')
      const durationMs = performance.now() - startedAtMs
      if (this.#kind === 'call') this.#meter.count(code, durationMs)
      else this.#meter.countStream(code, durationMs)
    })
  }
}
