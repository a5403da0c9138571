import type { TokenVerifier } from '@qcore/access'
import { isQError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { closeCodes, type FrameHandler, type Peer } from '../../websocket/frame-handler.ts'
import { identityOf } from '../../websocket/identity.ts'
import type { HookDelivery, Hooks } from './hooks.ts'
import type { TagListeners } from './tag-listeners.ts'
import { listeningOf, parseJson, readHello, refusalOf, type Hello, type Listening } from './hello.ts'
import { Unacknowledged } from './unacknowledged.ts'

export interface QhronosHandlerOptions {
  readonly peer: Peer
  readonly store: string
  readonly verifier: TokenVerifier
  readonly hooks: Hooks
  readonly listeners: TagListeners
  readonly logger: Logger
}

interface Refusal {
  readonly message: string
  readonly code: number
}

const unknownCaller: Refusal = { message: 'authentication required', code: closeCodes.unauthenticated }

/** Speaks Qhronos' protocol with one client: JSON in text frames, of which the first one says what it listens to. */
export class QhronosHandler implements FrameHandler {
  readonly #options: QhronosHandlerOptions
  readonly #opened = new AsyncDisposableStack()
  readonly #unacknowledged = new Unacknowledged()
  #greeting: Promise<Listening | undefined> | undefined
  #isClosed = false

  constructor(options: QhronosHandlerOptions) {
    this.#options = options
  }

  async handle(frame: Uint8Array): Promise<void> {
    const text = Buffer.from(frame).toString('utf8')
    if (this.#greeting === undefined) {
      this.#greeting = this.#greet(text)
      await this.#greeting
      return
    }
    const listening = await this.#greeting
    if (listening !== undefined) await this.#onMessage(text, listening)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#opened.disposeAsync()
    this.#unacknowledged[Symbol.dispose]()
  }

  async #greet(text: string): Promise<Listening | undefined> {
    const hello = readHello(text)
    if (hello === undefined) return this.#refuse('invalid handshake message')
    const refusal = await this.#authenticate(hello)
    if (refusal !== undefined) return this.#refuse(refusal.message, refusal.code)
    const listening = listeningOf(hello)
    if (typeof listening === 'string') return this.#refuse(listening)
    const denied = this.#deniedOf(listening)
    if (denied !== undefined) return this.#refuse(denied)
    try {
      await this.#open(listening)
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'a client of Qhronos cannot be served')
      return this.#refuse('events cannot be received at the moment; connect again', closeCodes.lost)
    }
    this.#tell({ type: 'ack', message: 'subscription registered' })
    return listening
  }

  /** Takes the token of a message, if there is one. Why it is refused; undefined if it is good. */
  async #authenticate({ token = '' }: Pick<Hello, 'token'>): Promise<Refusal | undefined> {
    const { peer, verifier } = this.#options
    if (token.trim() === '') return peer.identity === undefined ? unknownCaller : undefined
    try {
      peer.adopt(identityOf(token, await verifier.verify(token)))
      return undefined
    } catch (error) {
      if (!isQError(error)) throw error
      // Nothing is known to be wrong with the token.
      if (error.code === 'unavailable') return { message: `${error.message}; connect again`, code: closeCodes.lost }
      return { message: error.message, code: closeCodes.unauthenticated }
    }
  }

  /** Why the caller may not listen; undefined if he may. */
  #deniedOf(listening: Listening): string | undefined {
    const { peer, store } = this.#options
    const claims = peer.identity?.claims
    return claims === undefined ? unknownCaller.message : refusalOf(claims, listening, store)
  }

  async #open(listening: Listening): Promise<void> {
    const { hooks, listeners } = this.#options
    const opened =
      listening.kind === 'tag-listener'
        ? await listeners.listen(listening.tags, (frame) => this.#tell(frame))
        : await hooks.hold(listening.clientName, (delivery) => void this.#deliver(delivery, listening.needsAck))
    if (this.#isClosed) opened[Symbol.dispose]()
    else this.#opened.use(opened)
  }

  async #deliver(delivery: HookDelivery, needsAck: boolean): Promise<void> {
    // Nothing is sent before the client has heard that it is registered.
    await this.#greeting
    const { frame, answer } = delivery
    if (this.#isClosed) return answer('closed')
    const waits = delivery.needsAck && needsAck
    if (waits) this.#unacknowledged.add(delivery)
    await this.#send(frame)
    if (!waits) answer(this.#isClosed ? 'closed' : 'sent')
  }

  async #onMessage(text: string, listening: Listening): Promise<void> {
    const message = parseJson(text)
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      this.#tell({ type: 'error', message: 'invalid message format' })
      return
    }
    const { type, occurrence_id, token } = message as { type?: unknown; occurrence_id?: unknown; token?: unknown }
    if (type === 'token' && typeof token === 'string') {
      await this.#renew(token, listening)
    } else if (type !== 'ack') {
      this.#tell({ type: 'error', message: 'unexpected message type after handshake' })
    } else if (listening.kind === 'tag-listener') {
      this.#tell({ type: 'error', message: 'acknowledge not supported for tag-listener' })
    } else {
      // One that names nothing is answered, and changes nothing, as in the original.
      if (typeof occurrence_id === 'string') this.#unacknowledged.acknowledge(occurrence_id)
      this.#tell({ type: 'ack', message: 'acknowledged' })
    }
  }

  /** The connection goes on with a new token of its owner, if that allows the same. */
  async #renew(token: string, listening: Listening): Promise<void> {
    const refusal = await this.#authenticate({ token })
    if (refusal !== undefined) return this.#refuse(refusal.message, refusal.code)
    const denied = this.#deniedOf(listening)
    if (denied === undefined) this.#tell({ type: 'ack', message: 'token accepted' })
    else this.#refuse(denied)
  }

  #refuse(message: string, code: number = closeCodes.unauthenticated): undefined {
    this.#tell({ type: 'error', message })
    this.#options.peer.close(code, message)
  }

  /** Who does not take what is sent is cut off after a while. */
  #tell(message: object): void {
    void this.#send(message)
  }

  #send(message: object): Promise<void> {
    return this.#options.peer.send(Buffer.from(JSON.stringify(message)), 'text')
  }
}
