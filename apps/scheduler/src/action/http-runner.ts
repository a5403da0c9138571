import { isQError } from '@qcore/errors'
import { EgressRefused } from '../http/egress-rules.ts'
import { LimitedSignal } from './limited-signal.ts'
import { retryAfterMs } from '../http/retry-after.ts'
import { sendRequest, type HttpRequest, type Sending } from '../http/send-request.ts'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'

/** No longer than a receiver is given to read a webhook elsewhere. */
const mostText = 1_024
const gone = 410

export interface HttpRunnerOptions extends Sending {
  /** How long a receiver may take to answer, in milliseconds. */
  readonly timeoutMs: number
  /** Makes the request of an attempt. */
  readonly requestOf: (occasion: Occasion) => HttpRequest
}

/** Sends an HTTP request. Only a status from 200 to 299 is success; 410 means that no more is wanted. */
export class HttpRunner implements ActionRunner {
  readonly #options: HttpRunnerOptions

  constructor(options: HttpRunnerOptions) {
    this.#options = options
  }

  async run(occasion: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const { timeoutMs, requestOf } = this.#options
    const beganAt = performance.now()
    const limitMs = Math.max(1, Math.min(timeoutMs, occasion.deadlineAt - beganAt))
    using limited = new LimitedSignal(signal, limitMs)
    try {
      const { statusCode, retryAfter, text } = await sendRequest(requestOf(occasion), this.#options, limited.signal)
      const answer = { statusCode, result: text.slice(0, mostText) }
      if (statusCode >= 200 && statusCode < 300) return { kind: 'done', ...answer }
      const error = `the receiver answered with status ${statusCode}`
      if (statusCode === gone) return { kind: 'failed', error, ...answer, finally: 'gone' }
      const nowMs = occasion.startedUs / 1_000 + performance.now() - beganAt
      return { kind: 'failed', error, ...answer, retryAfterMs: retryAfterMs(retryAfter, nowMs) }
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof EgressRefused) return { kind: 'failed', error: error.message, finally: 'refused' }
      if (isQError(error)) return { kind: 'failed', error: `${error.code}: ${error.message}`, finally: 'refused' }
      const text = limited.isTimeUp ? `no whole answer within ${Math.round(limitMs)} ms` : messageOf(error)
      return { kind: 'failed', error: text }
    }
  }
}

/** What a connection failed for. Of several addresses that were tried, each says its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
