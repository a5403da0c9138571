import { QError } from '@qcore/errors'
import { CallContext } from './call-context.ts'
import { addDeadline, removeDeadline, type Deadline } from './deadlines.ts'
import type { Endpoint } from './method-table.ts'
import type { ReceivedHeaders } from './received-headers.ts'

/** A call that a server is handling, until its handler is done. */
export class RunningCall implements Deadline {
  readonly endpoint: Endpoint
  readonly replySubject: string
  readonly context: CallContext
  /** Told once, when the call is aborted: by its deadline, by its caller, or by the end of the server. */
  onAbort: ((reason: QError) => void) | undefined
  /** Told after that: nobody waits for the handler any more. */
  onOver: (() => void) | undefined
  readonly dueAtMs: number
  readonly #startedAtMs = performance.now()
  #aborted = false

  /** Throws `invalid_request`, and `deadline_exceeded` if no time is left. */
  constructor(endpoint: Endpoint, replySubject: string, received: ReceivedHeaders) {
    this.endpoint = endpoint
    this.replySubject = replySubject
    const timeoutMs = received.readTimeoutMs()
    if (timeoutMs === 0) throw new QError('deadline_exceeded', `no time was left for ${endpoint.subject}`)
    this.dueAtMs = this.#startedAtMs + (timeoutMs ?? Number.POSITIVE_INFINITY)
    this.context = new CallContext(endpoint, received, this.dueAtMs)
    if (timeoutMs !== undefined) addDeadline(this)
  }

  /** Whether the call is over before its handler is. */
  get isAborted(): boolean {
    return this.#aborted
  }

  /** Milliseconds since the request was taken. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs
  }

  abort(reason: QError): void {
    if (this.#aborted) return
    this.#aborted = true
    removeDeadline(this)
    this.context.abort(reason)
    this.onAbort?.(reason)
    this.onOver?.()
  }

  /** The handler is done. */
  end(): void {
    removeDeadline(this)
  }

  onDue(): void {
    this.abort(new QError('deadline_exceeded', `${this.endpoint.subject} took too long`))
  }
}
