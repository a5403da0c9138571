import { create } from '@bufbuild/protobuf'
import type { TokenVerifier } from '@qcore/access'
import {
  RegistrationService,
  StreamHeartbeatSchema,
  StreamResponseSchema,
  StreamTokenTakenSchema,
  type ReceiveRequest,
  type StreamRequest,
  type StreamResponse,
  type WatchRequest,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { closeCodes, type FrameHandler, type FrameKind, type Peer } from '../websocket/frame-handler.ts'
import { identityOf } from '../websocket/identity.ts'
import { beginsWithResult, Cursor } from './cursor.ts'
import type { StreamCalls } from './stream-calls.ts'
import type { StreamCodec } from './stream-codec.ts'
import { streamEndOf } from './stream-end.ts'
import { unaryAnswer } from './unary-answer.ts'

/** Watches and receives of one connection. */
const mostStreams = 100
const mostIdCharacters = 64

export interface StreamHandlerOptions {
  readonly peer: Peer
  readonly codec: StreamCodec
  readonly calls: StreamCalls
  readonly verifier: TokenVerifier
}

/** Serves the calls of one WebSocket: each frame is a request, or a part of an answer. */
export class StreamHandler implements FrameHandler {
  readonly #options: StreamHandlerOptions
  readonly #streams = new Map<string, AbortController>()
  /** One frame at a time waits for room, whichever call it is of. */
  #turn: Promise<void> = Promise.resolve()
  #hasSent = false
  /** Fulfilled when a token that was sent was taken, or refused: what came after it goes by it. */
  #adopting: Promise<unknown> = Promise.resolve()

  constructor(options: StreamHandlerOptions) {
    this.#options = options
  }

  async handle(frame: Uint8Array): Promise<void> {
    let id = ''
    try {
      const request = this.#options.codec.decode(frame)
      if (request.id.length > mostIdCharacters) {
        throw new QError('invalid_request', `an id has at most ${mostIdCharacters} characters`, { field: 'id' })
      }
      ;({ id } = request)
      await this.#answer(request)
    } catch (error) {
      void this.#send(id, { case: 'end', value: streamEndOf(error) })
    }
  }

  beat(): void {
    if (!this.#hasSent) void this.#send('', { case: 'heartbeat', value: create(StreamHeartbeatSchema) })
    this.#hasSent = false
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams.values()) stream.abort()
    return Promise.resolve()
  }

  async #answer({ id, request }: StreamRequest): Promise<void> {
    switch (request.case) {
      case 'watch':
      case 'receive':
        this.#open(id, request)
        return
      case 'cancel':
        this.#cancel(id)
        return
      case 'token':
        await (this.#adopting = this.#adopt(request.value.token))
        void this.#send(id, { case: 'token', value: create(StreamTokenTakenSchema) })
        return
      default: {
        const answer = await unaryAnswer(request, this.#options.calls, () => this.#token())
        if (answer === undefined) throw new QError('invalid_request', 'nothing is asked for', { field: 'request' })
        void this.#send(id, answer)
      }
    }
  }

  #open(id: string, request: Extract<StreamRequest['request'], { case: 'watch' | 'receive' }>): void {
    if (this.#streams.has(id)) {
      throw new QError('invalid_request', 'a call of this id has not ended', { field: 'id' })
    }
    if (this.#streams.size >= mostStreams) {
      throw new QError('overloaded', `${mostStreams} watches and receives run on this connection; open another one`)
    }
    const stopping = new AbortController()
    this.#streams.set(id, stopping)
    void (request.case === 'watch'
      ? this.#watch(id, request.value, stopping.signal)
      : this.#receive(id, request.value, stopping.signal))
  }

  #cancel(id: string): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) throw new QError('invalid_request', 'no call of this id is running', { field: 'id' })
    stream.abort()
  }

  #watch(id: string, request: WatchRequest, signal: AbortSignal): Promise<void> {
    const cursor = new Cursor(beginsWithResult(request))
    return this.#run(id, cursor, signal, async () => {
      const token = await this.#token()
      for await (const step of this.#options.calls.watch(request, { token, signal })) {
        await this.#sendFrame((kind) => step.frame(id, kind))
        cursor.note(step.response)
      }
    })
  }

  #receive(id: string, request: ReceiveRequest, signal: AbortSignal): Promise<void> {
    // What instances are given has no order.
    const cursor = request.asInstance ? undefined : new Cursor()
    return this.#run(id, cursor, signal, async () => {
      const { method } = RegistrationService
      const token = await this.#token()
      for await (const { delivery } of this.#options.calls.stream(method.receive, request, { token, signal })) {
        if (delivery === undefined) continue
        await this.#send(id, { case: 'delivery', value: delivery })
        cursor?.note(delivery)
      }
    })
  }

  /** Runs a call until its end, which is told. Never rejects. */
  async #run(id: string, cursor: Cursor | undefined, signal: AbortSignal, call: () => Promise<void>): Promise<void> {
    let failure: unknown
    try {
      await call()
    } catch (error) {
      // It was asked to end.
      failure = signal.aborted ? undefined : error
    }
    const end = streamEndOf(failure, cursor)
    this.#streams.delete(id)
    await this.#send(id, { case: 'end', value: end })
  }

  async #adopt(token: string): Promise<void> {
    const { peer, verifier } = this.#options
    peer.adopt(identityOf(token, await verifier.verify(token)))
  }

  async #token(): Promise<string> {
    // Who sent it was told.
    await this.#adopting.catch(() => undefined)
    const { identity } = this.#options.peer
    if (identity === undefined) {
      throw new QError('unauthenticated', 'send a token first: {"id": "…", "token": {"token": "…"}}', {
        field: 'token',
      })
    }
    return typeof identity.token === 'string' ? identity.token : identity.token()
  }

  /** Resolves when the next frame may follow. */
  #send(id: string, response: StreamResponse['response']): Promise<void> {
    return this.#sendFrame(() => this.#options.codec.encode(create(StreamResponseSchema, { id, response })))
  }

  #sendFrame(frameOf: (kind: FrameKind) => Uint8Array): Promise<void> {
    const { peer, codec } = this.#options
    this.#hasSent = true
    this.#turn = this.#turn
      .then(() => peer.send(frameOf(codec.kind), codec.kind))
      .catch(() => peer.close(closeCodes.failed, 'an answer could not be written'))
    return this.#turn
  }
}
