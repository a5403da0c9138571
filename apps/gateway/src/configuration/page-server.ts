import { ConnectError } from '@connectrpc/connect'
import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import type { TokenVerifier } from '@qcore/access'
import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { fromConnectError, toConnectError } from '@qcore/transport'
import type { GatewayConfig } from '../config.ts'
import { sendError } from '../forward/error-answer.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../http/exchange.ts'
import type { Admission } from '../limits/admission.ts'
import type { StreamCalls } from '../stream/stream-calls.ts'
import { identify } from '../websocket/credentials.ts'
import type { Identity } from '../websocket/identity.ts'
import { assertOrigin } from '../websocket/origin.ts'

export interface PageServerOptions {
  readonly config: GatewayConfig
  readonly calls: StreamCalls
  readonly verifier: TokenVerifier
  readonly admission: Admission
  readonly logger: Logger
}

/** One request of a page, and who makes it. */
export interface PageExchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly token: string
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresAtMs: number
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

/** Serves pages that need a token: reads it, and answers whatever goes wrong with an error that has a code. */
export class PageServer {
  readonly #options: PageServerOptions

  constructor(options: PageServerOptions) {
    this.#options = options
  }

  get calls(): StreamCalls {
    return this.#options.calls
  }

  get config(): GatewayConfig {
    return this.#options.config
  }

  /** @param refuse answers an error in a way of its own; false: as always */
  page(
    answer: (exchange: PageExchange) => Promise<void>,
    refuse: (response: HttpResponse, error: QError) => boolean = refuseUnmet,
  ): HttpHandler {
    return (request, response) => void this.#serve({ request, response, answer, refuse })
  }

  /** The body of a request. */
  body(request: HttpRequest): Promise<Uint8Array> {
    return this.#options.calls.body(request)
  }

  /** Never rejects. */
  async #serve({ request, response, answer, refuse }: Serving): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      this.#options.admission.admitPage(request, response)
      assertOrigin(request, this.#options.config.webOrigins)
      const identity = await this.#identify(request)
      const token = typeof identity.token === 'string' ? identity.token : await identity.token()
      await answer({ request, response, token, expiresAtMs: identity.expiresAtMs, signal: gone.signal })
    } catch (error) {
      request.resume()
      if (response.headersSent || response.destroyed) return
      const told = error instanceof ConnectError ? fromConnectError(error) : error
      if (!isQError(told)) this.#options.logger.error({ err: error }, 'a request could not be answered')
      if (!isQError(told) || !refuse(response, told)) sendError(response, told)
    }
  }

  async #identify(request: HttpRequest): Promise<Identity> {
    const identity = await identify(request, this.#options.verifier)
    if (identity !== undefined) return identity
    throw new QError('unauthenticated', 'send a token as `Authorization: Bearer …`', { field: 'authorization' })
  }
}

interface Serving {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly answer: (exchange: PageExchange) => Promise<void>
  readonly refuse: (response: HttpResponse, error: QError) => boolean
}

/** HTTP has a status for a condition that does not hold. */
function refuseUnmet(response: HttpResponse, error: QError): boolean {
  if (error.code !== 'condition_failed') return false
  sendText(response, 412, Buffer.from(errorToJsonBytes(toConnectError(error), undefined)).toString())
  return true
}

/** Sends JSON that is text already. */
export function sendText(response: HttpResponse, status: number, json: string): void {
  const body = Buffer.from(json)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}
