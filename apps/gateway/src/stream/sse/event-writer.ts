import { cutOff, type HttpRequest, type HttpResponse } from '../../http/exchange.ts'
import { sentBytesTotal } from '../../metrics.ts'

export interface ServerSentEvent {
  /** Absent: a message. */
  readonly event?: string
  /** Where the client resumes when it connects again. */
  readonly id?: string
  /** JSON, which is one line. */
  readonly data: string
}

/** Writes Server-Sent Events, no faster than the client takes them, and cuts off one that takes nothing. */
export class EventWriter {
  readonly #request: HttpRequest
  readonly #response: HttpResponse
  readonly #stallTimeoutMs: number
  #hasWritten = true

  constructor(request: HttpRequest, response: HttpResponse, stallTimeoutMs: number) {
    this.#request = request
    this.#response = response
    this.#stallTimeoutMs = stallTimeoutMs
  }

  /** Begins the answer. `retryMs`: when a client that lost it connects again. */
  begin(retryMs: number): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies that collect answers would hold events back.
      'x-accel-buffering': 'no',
    })
    this.#response.write(`retry: ${retryMs}\n\n`)
  }

  /** Resolves when the next one may follow, or the client is gone. */
  async write({ event, id, data }: ServerSentEvent): Promise<void> {
    this.#hasWritten = true
    const name = event === undefined ? '' : `event: ${event}\n`
    const text = `${name}${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
    sentBytesTotal.inc(Buffer.byteLength(text))
    if (this.#response.destroyed || this.#response.write(text)) return
    await this.#drained()
  }

  /** Tells the client, and what lies between, that the connection lives, if nothing else did since the last time. */
  beat(): void {
    if (!this.#hasWritten && !this.#response.writableNeedDrain) this.#response.write('event: heartbeat\ndata: {}\n\n')
    this.#hasWritten = false
  }

  end(): void {
    this.#response.end()
  }

  #drained(): Promise<void> {
    const response = this.#response
    return new Promise((resolve) => {
      const timer = setTimeout(cutOff, this.#stallTimeoutMs, this.#request)
      const done = (): void => {
        clearTimeout(timer)
        response.off('drain', done).off('close', done)
        resolve()
      }
      response.on('drain', done).on('close', done)
    })
  }
}
