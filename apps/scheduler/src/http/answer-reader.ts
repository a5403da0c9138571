import type { Dispatcher } from 'undici'

/** What is read of an answer's body; one that is longer is cut off. */
const mostBodyBytes = 65_536

export interface HttpAnswer {
  readonly statusCode: number
  /** `Retry-After` as it was given. */
  readonly retryAfter: string | undefined
  /** The beginning of the body. */
  readonly text: string
}

/** Reads the answer to a request up to a length, or until a signal ends it, at whatever point it is. */
export class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal
  readonly #answered = Promise.withResolvers<HttpAnswer>()
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #statusCode = 0
  #retryAfter: string | undefined
  /** Undefined until the request is sent: there may be no connection for it yet. */
  #controller: Dispatcher.DispatchController | undefined
  readonly #onAbort = (): void => {
    const reason = this.#signal.reason as Error
    this.#answered.reject(reason)
    this.#controller?.abort(reason)
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  /** Rejects with what went wrong. */
  async read(): Promise<HttpAnswer> {
    try {
      return await this.#answered.promise
    } finally {
      this.#signal.removeEventListener('abort', this.#onAbort)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal.aborted) this.#onAbort()
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    statusCode: number,
    { 'retry-after': retryAfter }: Record<string, string | string[] | undefined>,
  ): void {
    // The one that counts comes after those.
    if (statusCode < 200) return
    this.#statusCode = statusCode
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < mostBodyBytes) return
    this.#end()
    // What is not read ends with its connection.
    controller.abort(new Error('the rest of the answer is not wanted'))
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#answered.reject(error)
  }

  #end(): void {
    const text = Buffer.concat(this.#chunks).toString('utf8')
    this.#answered.resolve({ statusCode: this.#statusCode, retryAfter: this.#retryAfter, text })
  }
}
