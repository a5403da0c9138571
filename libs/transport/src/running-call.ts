import { createContextValues, type HandlerContext } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import type { Endpoint } from './method-table.ts'
import { readTimeoutMs } from './wire-headers.ts'

/** A call that a server is handling: its context, and its end by deadline, cancellation or loss of the caller. */
export class RunningCall {
  readonly endpoint: Endpoint
  readonly replySubject: string
  readonly context: HandlerContext
  readonly #startedAtMs = performance.now()
  readonly #controller = new AbortController()
  readonly #deadline: NodeJS.Timeout | undefined
  /** Told once, when the call is aborted. */
  onAbort: ((reason: QError) => void) | undefined

  /** Throws `invalid_request`, and `deadline_exceeded` if no time is left. */
  constructor(endpoint: Endpoint, replySubject: string, requestHeader: Headers) {
    this.endpoint = endpoint
    this.replySubject = replySubject
    const timeoutMs = readTimeoutMs(requestHeader)
    if (timeoutMs === 0) throw new QError('deadline_exceeded', `no time was left for ${endpoint.subject}`)
    const deadlineMs = this.#startedAtMs + (timeoutMs ?? 0)
    this.context = {
      method: endpoint.method,
      service: endpoint.method.parent,
      signal: this.#controller.signal,
      timeoutMs: () => (timeoutMs === undefined ? undefined : deadlineMs - performance.now()),
      requestMethod: 'POST',
      requestHeader,
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
      protocolName: 'nats',
      values: createContextValues(),
      url: `nats:${endpoint.subject}`,
    }
    if (timeoutMs !== undefined) this.#deadline = setTimeout(this.#onDeadline, timeoutMs)
  }

  /** Milliseconds since the request was taken. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs
  }

  /** Whether the call is over before its handler is. */
  get isAborted(): boolean {
    return this.#controller.signal.aborted
  }

  abort(reason: QError): void {
    if (this.isAborted) return
    clearTimeout(this.#deadline)
    this.#controller.abort(reason)
    this.onAbort?.(reason)
  }

  /** The handler is done. */
  end(): void {
    clearTimeout(this.#deadline)
  }

  readonly #onDeadline = (): void => {
    this.abort(new QError('deadline_exceeded', `${this.endpoint.subject} took too long`))
  }
}
