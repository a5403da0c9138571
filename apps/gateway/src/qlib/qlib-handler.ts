import { isQError, QError } from '@qcore/errors'
import { qlibRequestsTotal } from '../metrics.ts'
import { closeCodes, type FrameHandler, type Peer } from '../websocket/frame-handler.ts'
import { identityOf } from '../websocket/identity.ts'
import { answerRequest, dialectOf } from './conversation.ts'
import { unknownAnswer, type Dialect } from './message/dialect.ts'
import { nameOfTypeUrl, readEnvelope, type Envelope } from './message/envelope.ts'
import type { Answer } from './message/route.ts'
import { openSession, type QlibContext } from './qlib-context.ts'
import type { Session } from './session.ts'
import { webDialect } from './web/web-dialect.ts'

/** Serves qlib's client at the other end of a WebSocket: a message a frame, an answer for each. */
export class QlibHandler implements FrameHandler {
  readonly #context: QlibContext
  readonly #peer: Peer
  #session: Promise<Session> | undefined
  #dialect: Dialect | undefined
  #isClosed = false

  constructor(context: QlibContext, peer: Peer) {
    this.#context = context
    this.#peer = peer
  }

  async handle(frame: Uint8Array): Promise<void> {
    const { openCalls, logger } = this.#context
    openCalls.enter('call')
    try {
      openCalls.assertRoom('call')
      await this.#answer(readEnvelope(frame))
    } catch (error) {
      if (!isQError(error)) logger.error({ err: error }, 'a frame could not be answered')
      const told = isQError(error) ? error : new QError('internal', 'a fault of the gateway; its log has the cause')
      this.#send(this.#dialect ?? webDialect, '', unknownAnswer('', told))
    } finally {
      openCalls.leave('call')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await (await this.#session)?.[Symbol.asyncDispose]()
  }

  async #answer(envelope: Envelope): Promise<void> {
    const dialect = dialectOf(envelope)
    const { id, accessToken } = dialect.readHeader(envelope.header)
    let answer: Answer
    try {
      const session = await this.#sessionOf(dialect, accessToken)
      answer = await answerRequest(session, envelope, this.#context.logger)
    } catch (error) {
      if (!isQError(error)) throw error
      answer = refusal(dialect, envelope, error)
    }
    qlibRequestsTotal.inc({ request: requestLabel(dialect, envelope), code: answer.error?.code ?? 'ok' })
    this.#send(dialect, id, answer)
  }

  /** The session of the connection, which begins with the first message of a caller that is known. */
  async #sessionOf(dialect: Dialect, accessToken: string): Promise<Session> {
    if (accessToken !== '') {
      this.#peer.adopt(identityOf(accessToken, await this.#context.verifier.verify(accessToken)))
    }
    if (this.#isClosed) throw new QError('canceled', 'the connection is closed')
    const { identity } = this.#peer
    if (identity === undefined) throw new QError('unauthenticated', 'the connection has no token')
    if (this.#session !== undefined && this.#dialect !== dialect) {
      throw new QError('invalid_request', 'the connection speaks another dialect', { field: 'payload' })
    }
    this.#dialect = dialect
    const { writeNotification } = dialect
    this.#session ??= openSession(this.#context, {
      dialect,
      subject: identity.subject,
      token: () => this.#token(),
      ...(writeNotification && {
        send: (notification) => this.#peer.send(writeNotification(notification)),
      }),
      onLost: ({ code, message }) => this.#peer.close(closeCodes.lost, `${code}: ${message}`),
    })
    return this.#session
  }

  #token(): string | Promise<string> {
    const token = this.#peer.identity?.token ?? ''
    return typeof token === 'string' ? token : token()
  }

  #send(dialect: Dialect, id: string, answer: Answer): void {
    // Who does not take the answers is not read from either.
    void this.#peer.send(dialect.writeAnswer(id, answer))
  }
}

/** The answer to a request that no session could be asked. */
function refusal({ routes }: Dialect, { typeUrl, value }: Envelope, error: QError): Answer {
  const name = nameOfTypeUrl(typeUrl)
  const route = routes.get(name.slice(name.lastIndexOf('.') + 1))
  return route === undefined ? unknownAnswer(name, error) : route.refuse(value, error)
}

/** Requests that nobody knows share a label. */
function requestLabel({ routes }: Dialect, { typeUrl }: Envelope): string {
  const name = nameOfTypeUrl(typeUrl)
  const bare = name.slice(name.lastIndexOf('.') + 1)
  return routes.has(bare) ? bare : 'unknown'
}
