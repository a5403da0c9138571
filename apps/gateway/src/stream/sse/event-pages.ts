import { toJsonString } from '@bufbuild/protobuf'
import type { TokenVerifier } from '@qcore/access'
import { DeliverySchema, RegistrationService, StreamEndSchema } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { ConnectError } from '@connectrpc/connect'
import type { GatewayConfig } from '../../config.ts'
import { sendError } from '../../forward/error-answer.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../../http/exchange.ts'
import type { Admission } from '../../limits/admission.ts'
import { identify } from '../../websocket/credentials.ts'
import type { Identity } from '../../websocket/identity.ts'
import { assertOrigin } from '../../websocket/origin.ts'
import type { Tickets } from '../../websocket/tickets.ts'
import { beginsWithResult, Cursor, eventIdOf } from '../cursor.ts'
import type { StreamCalls } from '../stream-calls.ts'
import { streamEndOf } from '../stream-end.ts'
import { retryMs, shouldComeAgain } from './again.ts'
import { EventWriter, type ServerSentEvent } from './event-writer.ts'
import { readReceive, readWatch } from './stream-question.ts'

export interface EventPagesOptions {
  readonly config: GatewayConfig
  readonly calls: StreamCalls
  readonly verifier: TokenVerifier
  readonly admission: Admission
  readonly tickets: Tickets
  readonly logger: Logger
}

/** The events of one request, from its caller's token on. */
type Events = (token: string, signal: AbortSignal) => AsyncGenerator<ServerSentEvent>
/** What a request asks for, and where it can be resumed. */
interface Question {
  readonly cursor: Cursor
  readonly events: Events
}

/** Watches and registrations as Server-Sent Events. */
export class EventPages {
  readonly #options: EventPagesOptions

  constructor(options: EventPagesOptions) {
    this.#options = options
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(path: string): HttpHandler | undefined {
    if (path === '/stream/watch') return this.#page((request) => this.#watch(request))
    if (path === '/stream/receive') return this.#page((request) => this.#receive(request))
    return undefined
  }

  #page(questionOf: (request: HttpRequest) => Promise<Question>): HttpHandler {
    return (request, response) => void this.#serve(request, response, questionOf)
  }

  /** Never rejects. */
  async #serve(
    request: HttpRequest,
    response: HttpResponse,
    questionOf: (request: HttpRequest) => Promise<Question>,
  ): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      this.#options.admission.admitPage(request, response)
      assertOrigin(request, this.#options.config.webOrigins)
      // Before anything is read: bodies of strangers are not held.
      const identity = await this.#identify(request)
      const question = await questionOf(request)
      await this.#send({ request, response, question, identity, gone })
    } catch (error) {
      if (!isQError(error) && !(error instanceof ConnectError)) {
        this.#options.logger.error({ err: error }, 'events could not be sent')
      }
      request.resume()
      if (response.headersSent || response.destroyed) response.destroy()
      else if (shouldComeAgain(request, error)) await this.#sendEnd(request, response, error)
      else sendError(response, error)
    }
  }

  /** Answers with nothing but the end, and where to go on is where the client was. */
  async #sendEnd(request: HttpRequest, response: HttpResponse, error: unknown): Promise<void> {
    const writer = new EventWriter(request, response, this.#options.config.stallTimeoutMs)
    writer.begin(retryMs)
    await writer.write({ event: 'end', data: toJsonString(StreamEndSchema, streamEndOf(error)) })
    writer.end()
  }

  /** @throws what refuses the call before it has begun */
  async #send({ request, response, question, identity, gone }: Sending): Promise<void> {
    const { stallTimeoutMs, pingMs } = this.#options.config
    const token = typeof identity.token === 'string' ? identity.token : await identity.token()
    const events = question.events(token, gone.signal)
    // Until the first event is there the answer may be an error with a status, which keeps a browser from asking again.
    const first = await events.next()
    const writer = new EventWriter(request, response, stallTimeoutMs)
    writer.begin(retryMs)
    let hasEnded = false
    const beating = setInterval(() => {
      hasEnded ||= identity.expiresAtMs <= Date.now()
      if (hasEnded) gone.abort()
      else writer.beat()
    }, pingMs)
    let failure: unknown
    try {
      if (first.done !== true) await writer.write(first.value)
      for await (const event of events) await writer.write(event)
    } catch (error) {
      failure = hasEnded ? new QError('token_expired', 'the token has ended', { field: 'authorization' }) : error
    } finally {
      clearInterval(beating)
    }
    const end = streamEndOf(failure, question.cursor)
    await writer.write({ event: 'end', data: toJsonString(StreamEndSchema, end) })
    writer.end()
  }

  async #watch(request: HttpRequest): Promise<Question> {
    const watch = await readWatch(request, () => this.#options.calls.body(request))
    const cursor = new Cursor(beginsWithResult(watch))
    const { calls } = this.#options
    const events: Events = async function* (token, signal) {
      for await (const step of calls.watch(watch, { token, signal })) {
        yield eventOf(step.json, cursor.note(step.response))
      }
    }
    return { cursor, events }
  }

  async #receive(request: HttpRequest): Promise<Question> {
    const receive = await readReceive(request, () => this.#options.calls.body(request))
    const cursor = new Cursor()
    const { calls } = this.#options
    const events: Events = async function* (token, signal) {
      for await (const { delivery } of calls.stream(RegistrationService.method.receive, receive, { token, signal })) {
        if (delivery === undefined) continue
        // What instances are given has no order.
        const position = receive.asInstance ? undefined : cursor.note(delivery)
        yield eventOf(toJsonString(DeliverySchema, delivery), position)
      }
    }
    return { cursor, events }
  }

  async #identify(request: HttpRequest): Promise<Identity> {
    const { verifier, tickets } = this.#options
    const ticket = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '').get('ticket')
    const identity = ticket === null ? await identify(request, verifier) : await tickets.redeem(ticket)
    if (identity !== undefined) return identity
    throw new QError('unauthenticated', 'send a token as `Authorization: Bearer …`, a cookie or a ticket', {
      field: 'authorization',
    })
  }
}

interface Sending {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly question: Question
  readonly identity: Identity
  readonly gone: AbortController
}

function eventOf(data: string, position: Parameters<typeof eventIdOf>[0] | undefined): ServerSentEvent {
  return position === undefined ? { data } : { id: eventIdOf(position), data }
}
