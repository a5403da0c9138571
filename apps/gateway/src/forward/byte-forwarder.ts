import type { DescMethod } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import { methodSubject } from '@qcore/contracts'
import { callNats, type RawAnswer } from '@qcore/transport'
import type { GatewayContext } from '../context.ts'
import { clientSignal } from '../http/client-signal.ts'
import type { HttpRequest, HttpResponse } from '../http/exchange.ts'
import type { Admission } from '../limits/admission.ts'
import type { OpenCalls } from '../limits/open-calls.ts'
import { receivedBytesTotal, sentBytesTotal } from '../metrics.ts'
import { readGet, readPost, type ConnectMessage } from './connect-request.ts'
import { CallMeter } from './call-meter.ts'
import { readTimeoutMs } from './deadline.ts'
import { endOfTurn } from './end-of-turn.ts'
import { sendError } from './error-answer.ts'
import { answerHeaders, passedPairs } from './passed-headers.ts'

export interface Forwarding {
  context: GatewayContext
  admission: Admission
  openCalls: OpenCalls
  /** Aborts when the gateway begins to stop. */
  stopping: AbortSignal
}

/**
 * Forwards unary calls of the Connect protocol. The body of such a call is the message itself, so its bytes are passed
 * on as they are, and the answer's too.
 */
export class ByteForwarder {
  readonly #forwarding: Forwarding
  readonly #method: DescMethod
  readonly #subject: string
  readonly #isRead: boolean
  readonly #meter: CallMeter

  constructor(forwarding: Forwarding, method: DescMethod) {
    this.#forwarding = forwarding
    this.#method = method
    this.#subject = methodSubject(forwarding.context.config.store, method)
    this.#isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
    this.#meter = new CallMeter(method, forwarding.context.logger)
  }

  /** Whether the method may be called by GET. */
  get takesGet(): boolean {
    return this.#isRead
  }

  /** Answers a POST of this content type, or a GET. Never rejects. */
  async forward(request: HttpRequest, response: HttpResponse, contentType?: string): Promise<void> {
    const startedAtMs = performance.now()
    const { openCalls } = this.#forwarding
    openCalls.enter('call')
    let code = 'ok'
    try {
      openCalls.assertRoom('call')
      const admitted = this.#forwarding.admission.admit(this.#method, request, response)
      if (admitted instanceof Promise) await admitted
      const answer = await this.#call(request, response, contentType)
      if (this.#forwarding.stopping.aborted) response.shouldKeepAlive = false
      code = sendAnswer(response, answer)
    } catch (error) {
      code = this.#refuse(request, response, error)
    } finally {
      openCalls.leave('call')
      this.#meter.count(code, performance.now() - startedAtMs)
    }
  }

  async #call(request: HttpRequest, response: HttpResponse, contentType: string | undefined): Promise<RawAnswer> {
    const { config, connection } = this.#forwarding.context
    const timeoutMs = readTimeoutMs(request.headers['connect-timeout-ms'], config.maxTimeoutMs)
    const message = await this.#readMessage(request, contentType)
    receivedBytesTotal.inc(message.body.length)
    await endOfTurn()
    return callNats({
      connection,
      subject: this.#subject,
      body: message.body,
      headers: passedPairs(request, message.contentType, timeoutMs),
      timeoutMs,
      signal: clientSignal(request, response),
      isRead: this.#isRead,
    })
  }

  #readMessage(request: HttpRequest, contentType: string | undefined): Promise<ConnectMessage> {
    const { maxBodyBytes, receiveTimeoutMs } = this.#forwarding.context.config
    if (contentType === undefined) return readGet((request.url ?? '').split('?', 2)[1] ?? '', maxBodyBytes)
    return readPost(request, contentType, { limitBytes: maxBodyBytes, timeoutMs: receiveTimeoutMs })
  }

  #refuse(request: HttpRequest, response: HttpResponse, error: unknown): string {
    this.#meter.explain(error)
    if (response.headersSent || response.destroyed) {
      request.destroy()
      return 'canceled'
    }
    return sendError(response, error)
  }
}

function sendAnswer(response: HttpResponse, answer: RawAnswer): string {
  const { body, contentType, error } = answer
  if (answer.hasHeaders) for (const [name, value] of answerHeaders(answer)) response.setHeader(name, value)
  sentBytesTotal.inc(body.length)
  if (error !== undefined) return sendError(response, error, body)
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length })
  endWithBody(response, body)
  return 'ok'
}

/** Below this, copying a body into the buffer of its header costs less than a second part of the write. */
const mostJoinedBytes = 16_384

/** Node joins header and body in one write if the body is text. As Latin-1 every byte is a character of its own. */
function endWithBody(response: HttpResponse, body: Uint8Array): void {
  if (body.length > mostJoinedBytes || response.req.httpVersionMajor !== 1) response.end(body)
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1')
}
