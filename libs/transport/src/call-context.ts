import type { DescMethod, DescService } from '@bufbuild/protobuf'
import { createContextValues, type ContextValues, type HandlerContext } from '@connectrpc/connect'
import type { GateContext } from './call-gate.ts'
import type { Endpoint } from './method-table.ts'
import type { ReceivedHeaders } from './received-headers.ts'

/** What a handler learns about its call. Most handlers ask for little of it, and what nobody asks for is not made. */
export class CallContext implements GateContext {
  readonly requestMethod = 'POST'
  readonly protocolName = 'nats'
  readonly #endpoint: Endpoint
  readonly #received: ReceivedHeaders
  readonly #dueAtMs: number
  #controller: AbortController | undefined
  #requestHeader: Headers | undefined
  #responseHeader: Headers | undefined
  #responseTrailer: Headers | undefined
  #values: ContextValues | undefined

  /** The deadline is on the monotonic clock; infinite if there is none. */
  constructor(endpoint: Endpoint, received: ReceivedHeaders, dueAtMs: number) {
    this.#endpoint = endpoint
    this.#received = received
    this.#dueAtMs = dueAtMs
  }

  get method(): DescMethod {
    return this.#endpoint.method
  }

  get service(): DescService {
    return this.#endpoint.method.parent
  }

  get url(): string {
    return `nats:${this.#endpoint.subject}`
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.#received.toHeaders()
    return this.#requestHeader
  }

  receivedHeader(name: string): string | undefined {
    return this.#received.get(name)
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers()
    return this.#responseHeader
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers()
    return this.#responseTrailer
  }

  get values(): ContextValues {
    this.#values ??= createContextValues()
    return this.#values
  }

  /** Whether there is anything to send besides the message. */
  get hasResponseHeaders(): boolean {
    return !isEmpty(this.#responseHeader) || !isEmpty(this.#responseTrailer)
  }

  get timeoutMs(): () => number | undefined {
    return () => (Number.isFinite(this.#dueAtMs) ? this.#dueAtMs - performance.now() : undefined)
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

/** The first value of a header of a call's request. The name is in lower case. Without `Headers` where that can be. */
export function receivedHeader(context: HandlerContext, name: string): string | undefined {
  if (context instanceof CallContext) return context.receivedHeader(name)
  return context.requestHeader.get(name) ?? undefined
}

function isEmpty(headers: Headers | undefined): boolean {
  return headers === undefined || headers.keys().next().done === true
}
