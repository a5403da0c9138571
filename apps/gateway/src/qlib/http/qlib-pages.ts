import { create } from '@bufbuild/protobuf'
import { timestampNow } from '@bufbuild/protobuf/wkt'
import {
  WebHeader_AuthenticationStatusEnum as AuthenticationStatus,
  WebMessageSchema,
} from '@qcore/contracts/legacy/protobufs'
import { QError } from '@qcore/errors'
import type { GatewayConfig } from '../../config.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../../http/exchange.ts'
import { jsonPage, sendJson } from '../../http/json-page.ts'
import { readBody } from '../../http/read-body.ts'
import type { Admission } from '../../limits/admission.ts'
import type { AnonymousAccess } from '../../websocket/anonymous.ts'
import { identify } from '../../websocket/credentials.ts'
import type { Identity } from '../../websocket/identity.ts'
import { answerRequest } from '../conversation.ts'
import type { QlibContext } from '../qlib-context.ts'
import { webAnswer } from '../web/web-dialect.ts'
import { ClientIds } from './client-ids.ts'
import { parseDuration } from './duration.ts'
import { exampleOf } from './examples.ts'
import { readWebMessage, writeJson } from './proto-json.ts'

const defaultTimeout = '5s'
/** No id is kept longer without a request, in milliseconds. */
const mostClientTimeoutMs = 3_600_000
/** No request is waited for longer. */
const mostRequestTimeoutMs = 3_600_000

export interface QlibPagesOptions {
  readonly config: GatewayConfig
  readonly qlib: QlibContext
  readonly anonymous: AnonymousAccess
  readonly admission: Admission
}

/** What qlib's clients find over plain HTTP: an id to ask for, and requests in JSON. */
export class QlibPages implements AsyncDisposable {
  readonly #options: QlibPagesOptions
  readonly #clients: ClientIds

  constructor(options: QlibPagesOptions) {
    this.#options = options
    this.#clients = new ClientIds(options.qlib)
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(path: string): HttpHandler | undefined {
    if (path === '/make-client-id') return this.#page('GET', (request) => this.#makeClientId(request))
    if (path === '/api') return this.#page('POST', (request, response) => this.#answer(request, response))
    if (!path.startsWith('/examples/')) return undefined
    return this.#page('GET', () => this.#example(path.slice('/examples/'.length)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#clients[Symbol.asyncDispose]()
  }

  #page(
    method: 'GET' | 'POST',
    answer: (request: HttpRequest, response: HttpResponse) => Promise<unknown>,
  ): HttpHandler {
    const { qlib, config, admission } = this.#options
    const { openCalls, logger } = qlib
    return jsonPage({ openCalls, admission, logger, origins: config.webOrigins }, method, answer)
  }

  async #makeClientId(request: HttpRequest): Promise<unknown> {
    const query = queryOf(request)
    const timeoutMs = parseDuration(query.get('clientTimeout') ?? defaultTimeout, 'clientTimeout')
    parseDuration(query.get('requestTimeout') ?? defaultTimeout, 'requestTimeout')
    const id = await this.#clients.open(await this.#identify(request), Math.min(timeoutMs, mostClientTimeoutMs))
    return writeJson(WebMessageSchema, headerOnly(id, AuthenticationStatus.AUTHENTICATED))
  }

  async #answer(request: HttpRequest, response: HttpResponse): Promise<unknown> {
    const { config, qlib, admission } = this.#options
    const asked = parseDuration(queryOf(request).get('requestTimeout') ?? defaultTimeout, 'requestTimeout')
    const timeoutMs = Math.min(asked, mostRequestTimeoutMs)
    const limits = { limitBytes: config.maxFrameBytes, timeoutMs: config.receiveTimeoutMs }
    const { header, payload } = readWebMessage(Buffer.from(await readBody(request, limits)).toString('utf8'))
    const id = header?.id ?? ''
    const client = this.#clients.use(id)
    if (client === undefined) {
      return writeJson(WebMessageSchema, headerOnly(id, AuthenticationStatus.UNAUTHENTICATED))
    }
    const { identity, session } = client
    if (identity.claims !== undefined) admission.admitToken(identity.claims.tokenId, response)
    const { typeUrl = '', value = new Uint8Array(0) } = payload ?? {}
    const answering = answerRequest(session, { header: new Uint8Array(0), typeUrl, value }, qlib.logger)
    const answer = await within(answering, timeoutMs)
    if (answer !== undefined) return writeJson(WebMessageSchema, webAnswer(id, answer))
    // It goes on, and counts until it has ended.
    qlib.openCalls.enter('call')
    void Promise.allSettled([answering]).then(() => qlib.openCalls.leave('call'))
    // The original server says so.
    sendJson(response, 500, { code: 'deadline_exceeded', message: `no answer in ${timeoutMs} ms` })
    return undefined
  }

  async #example(name: string): Promise<unknown> {
    const example = exampleOf(name)
    if (example === undefined) throw new QError('unknown_method', `there is no request ${name.slice(0, 100)}`)
    return example
  }

  async #identify(request: HttpRequest): Promise<Identity> {
    const { qlib, anonymous } = this.#options
    const address = request.socket.remoteAddress ?? ''
    const identity = (await identify(request, qlib.verifier)) ?? anonymous.identity(address)
    if (identity !== undefined) return identity
    throw new QError('unauthenticated', 'send a token as `Authorization: Bearer …`', { field: 'authorization' })
  }
}

function queryOf({ url = '/' }: HttpRequest): URLSearchParams {
  const question = url.indexOf('?')
  return new URLSearchParams(question === -1 ? '' : url.slice(question + 1))
}

function headerOnly(id: string, authenticationStatus: AuthenticationStatus) {
  return create(WebMessageSchema, { header: { id, timestamp: timestampNow(), authenticationStatus } })
}

/** What a promise brings, if it does so in time; otherwise undefined. */
async function within<T>(answering: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(late.resolve, timeoutMs, undefined)
  try {
    return await Promise.race([answering, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
