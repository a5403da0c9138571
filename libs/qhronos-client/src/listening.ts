import { QhronosError } from './qhronos-error.ts'
import type { DueEvent } from './qhronos-types.ts'

/** What is listened to: what is due for a name, or what is due with one of some tags. */
export type ListenTarget =
  | { readonly type: 'client-hook'; readonly clientName: string }
  | { readonly type: 'tag-listener'; readonly tags: readonly string[] }

export interface ListenOptions {
  /** Told of what a callback throws, of what the server does not take, and of a refusal, after which there is no other attempt. */
  readonly onError?: (error: unknown) => void
}

export interface ListeningOptions {
  readonly url: string
  readonly token: () => string
  readonly target: ListenTarget
  readonly onEvent: (event: DueEvent) => void | Promise<void>
  readonly options: ListenOptions
}

/** Between attempts to connect, in milliseconds: twice as long each time. */
const leastRetryMs = 250
const mostRetryMs = 10_000
/** Closed so, a connection is worth another attempt: the server stops, has failed, is overloaded, or cannot tell for now. */
const passingCodes: ReadonlySet<number> = new Set([1001, 1011, 1013, 4410])

/** A connection that brings events that are due, opened again whenever it is lost. */
export class Listening implements AsyncDisposable {
  readonly #options: ListeningOptions
  readonly #ready = Promise.withResolvers<void>()
  #socket: WebSocket | undefined
  #retryMs = leastRetryMs
  #timer: ReturnType<typeof setTimeout> | undefined
  /** What the server said instead of registering the present connection. */
  #refusal: string | undefined
  #isRegistered = false
  #isOver = false

  constructor(options: ListeningOptions) {
    this.#options = options
    // Whoever does not wait for it is told by `onError`.
    this.#ready.promise.catch(() => undefined)
    this.#connect()
  }

  /** Resolves when events begin to come. Rejects with QhronosError if the server refuses. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    const socket = this.#socket
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }))
    socket.close()
    await closed
  }

  #connect(): void {
    const socket = new WebSocket(this.#options.url)
    this.#socket = socket
    this.#refusal = undefined
    this.#isRegistered = false
    socket.addEventListener('open', () => socket.send(JSON.stringify(this.#hello())))
    socket.addEventListener('message', ({ data }) => void this.#onMessage(socket, String(data)))
    socket.addEventListener('close', ({ code }) => this.#onClose(code))
  }

  #hello(): object {
    const { token, target } = this.#options
    const { type } = target
    return target.type === 'client-hook'
      ? { type, client_name: target.clientName, token: token() }
      : { type, tags: target.tags, token: token() }
  }

  #onClose(code: number): void {
    if (this.#isOver) return
    if (this.#refusal !== undefined && !passingCodes.has(code)) {
      this.#giveUp(this.#refusal)
      return
    }
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(mostRetryMs, this.#retryMs * 2)
  }

  async #onMessage(socket: WebSocket, text: string): Promise<void> {
    const message = JSON.parse(text) as DueEvent | { readonly type: 'ack' | 'error'; readonly message: string }
    switch (message.type) {
      case 'event':
        await this.#take(socket, message)
        return
      case 'ack':
        this.#retryMs = leastRetryMs
        this.#isRegistered = true
        this.#ready.resolve()
        return
      case 'error':
        if (this.#isRegistered) this.#options.options.onError?.(refused(message.message))
        else this.#refusal = message.message
    }
  }

  async #take(socket: WebSocket, event: DueEvent): Promise<void> {
    const { onEvent, options, target } = this.#options
    try {
      await onEvent(event)
    } catch (error) {
      options.onError?.(error)
      return
    }
    if (target.type !== 'client-hook' || socket.readyState !== WebSocket.OPEN) return
    const { event_id, occurrence_id } = event
    socket.send(JSON.stringify({ type: 'ack', event_id, occurrence_id }))
  }

  #giveUp(refusal: string): void {
    const error = refused(refusal)
    this.#isOver = true
    this.#ready.reject(error)
    this.#options.options.onError?.(error)
  }
}

function refused(message: string): QhronosError {
  return new QhronosError(0, message, { code: 'refused' })
}
