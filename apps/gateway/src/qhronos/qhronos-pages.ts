import { randomUUID } from 'node:crypto'
import { createClient, type Transport } from '@connectrpc/connect'
import { bearerToken, type TokenVerifier } from '@qcore/access'
import { OccurrenceService, ScheduleService, TokenService } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { fromConnectError } from '@qcore/transport'
import type { GatewayConfig } from '../config.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../http/exchange.ts'
import { readBody } from '../http/read-body.ts'
import type { Admission } from '../limits/admission.ts'
import { countCall } from '../limits/count-call.ts'
import type { OpenCalls } from '../limits/open-calls.ts'
import { RateLimiter } from '../limits/rate-limiter.ts'
import { assertOrigin } from '../websocket/origin.ts'
import { errorAnswer, sendAnswer, type Answer } from './answer.ts'
import { Caller } from './caller.ts'
import { OwnNamespace } from './own-namespace.ts'
import { openApiDocument } from './openapi.ts'
import type { Route, RouteCall, RouteServices } from './route.ts'
import { eventRoutes } from './routes/event-routes.ts'
import { occurrenceRoutes } from './routes/occurrence-routes.ts'
import { statusRoutes } from './routes/status-routes.ts'
import { timingRoutes } from './routes/timing-routes.ts'
import { tokenRoutes } from './routes/token-routes.ts'

export interface QhronosOptions {
  readonly config: GatewayConfig
  readonly transport: Transport
  readonly verifier: TokenVerifier
  readonly openCalls: OpenCalls
  readonly admission: Admission
  readonly logger: Logger
  readonly checks: RouteServices['checks']
}

/** All routes of Qhronos' interface, but for its own document. */
export const qhronosRoutes: readonly Route[] = [
  ...statusRoutes,
  ...tokenRoutes,
  ...timingRoutes,
  ...eventRoutes,
  ...occurrenceRoutes,
]

const documentPath = '/openapi.json'
/** What callers with the master token are counted for, or with what may be it: where they are, for all else can be made up. */
const masterKey = ({ socket }: HttpRequest): string => `master ${socket.remoteAddress ?? ''}`

interface Found {
  readonly route: Route
  readonly id: string
}

/** Qhronos' HTTP interface: its paths and shapes, over the services of the platform. */
export class QhronosPages {
  readonly #options: QhronosOptions
  readonly #services: RouteServices
  readonly #rate: RateLimiter | undefined
  readonly #document = openApiDocument(qhronosRoutes)

  constructor(options: QhronosOptions) {
    this.#options = options
    const { transport, config, checks } = options
    this.#services = {
      schedules: createClient(ScheduleService, transport),
      occurrences: createClient(OccurrenceService, transport),
      tokens: createClient(TokenService, transport),
      namespace: new OwnNamespace(transport, config),
      pastExpirySeconds: config.qhronosPastExpirySeconds,
      checks,
    }
    const { qhronosRate: rate, qhronosBurst: burst } = config
    this.#rate = rate === 0 ? undefined : new RateLimiter(rate, undefined, burst)
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(path: string): HttpHandler | undefined {
    if (path === documentPath) {
      return (request, response) => {
        request.resume()
        sendAnswer(response, { status: 200, body: this.#document })
      }
    }
    const found = qhronosRoutes.flatMap((route) => {
      const id = matchPath(route.path, path)
      return id === undefined ? [] : [{ route, id }]
    })
    if (found.length === 0) return undefined
    return (request, response) => void this.#serve(found, request, response)
  }

  async #serve(found: readonly Found[], request: HttpRequest, response: HttpResponse): Promise<void> {
    const { openCalls, admission, logger } = this.#options
    openCalls.enter('call')
    response.setHeader('x-request-id', requestId(request))
    try {
      openCalls.assertRoom('call')
      admission.admitPage(request, response)
      sendAnswer(response, await this.#answer(found, request, response))
    } catch (error) {
      const cause = isQError(error) ? error : fromConnectError(error)
      if (!isQError(cause) || cause.code === 'internal') logger.error({ err: error }, 'a request could not be answered')
      request.resume()
      const isMinting = found[0]?.route.access === 'master' && isQError(cause, 'token_invalid')
      const answer = isMinting ? errorAnswer(request, masterNeeded(cause), 403) : errorAnswer(request, cause)
      if (!response.headersSent && !response.destroyed) sendAnswer(response, answer)
    } finally {
      openCalls.leave('call')
    }
  }

  async #answer(found: readonly Found[], request: HttpRequest, response: HttpResponse): Promise<Answer> {
    const { config } = this.#options
    const match = found.find(({ route }) => route.method === request.method)
    if (match === undefined) {
      const allow = found.map(({ route }) => route.method).join(', ')
      const error = new QError('unknown_method', `this path takes ${allow}`)
      return { ...errorAnswer(request, error, 405), headers: { allow } }
    }
    assertOrigin(request, config.webOrigins)
    const { route, id } = match
    const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '')
    const read = async (): Promise<RouteCall> => ({
      request,
      id,
      query,
      body: route.body === undefined ? undefined : await this.#readJson(request),
      services: this.#services,
    })
    if (route.access === 'public' || route.access === 'master') {
      if (route.access === 'master') this.#count(masterKey(request), response)
      return route.answer(await read())
    }
    const caller = await this.#identify(request)
    this.#options.admission.admitToken(caller.claims.tokenId, response)
    this.#count(caller.claims.tokenId, response)
    caller.assertLevel(route.access)
    return route.answer({ ...(await read()), caller })
  }

  #count(key: string, response: HttpResponse): void {
    if (this.#rate !== undefined) countCall(this.#rate, { policy: 'token', key }, response)
  }

  async #identify(request: HttpRequest): Promise<Caller> {
    const { verifier, config } = this.#options
    const token = bearer(request)
    const { authSecret: secret, store } = config
    const claims = await verifier.verify(token)
    const stores = claims.form === undefined ? claims.scopes.filter((scope) => scope.startsWith('store:')) : []
    if (stores.length > 0 && !stores.includes(`store:${store}`)) {
      throw new QError('permission_denied', `the token's scopes leave out store ${store}`, { field: 'scope' })
    }
    return new Caller(token, claims, { secret, store })
  }

  async #readJson(request: HttpRequest): Promise<unknown> {
    const { maxBodyBytes, receiveTimeoutMs } = this.#options.config
    const bytes = await readBody(request, { limitBytes: maxBodyBytes, timeoutMs: receiveTimeoutMs })
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
    } catch (error) {
      throw new QError('invalid_request', `Invalid JSON format: ${(error as Error).message}`, { cause: error })
    }
  }
}

function bearer({ headers }: HttpRequest): string {
  return bearerToken({ get: () => headers.authorization ?? null })
}

function masterNeeded(cause: unknown): QError {
  return new QError('permission_denied', 'Master token required', { field: 'authorization', cause })
}

/** What stands for `:id` in a path; empty if the route has none; undefined if the path is another one. */
function matchPath(pattern: string, path: string): string | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  let id = ''
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] ?? ''
    if (part === ':id' && actual !== '') id = decoded(actual)
    else if (part !== actual) return undefined
  }
  return id
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The id of the caller, if it can be one of a header; otherwise a new one. */
function requestId({ headers }: HttpRequest): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID()
}
