import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { RequestRecord } from '../history/schedule-record.ts'
import { takes, type Conduct } from './receiver-conduct.ts'

/** What is read of the body of a webhook. */
interface WebhookBody {
  readonly event_id: string
  readonly occurrence_id: string
  readonly scheduled_at: string
  readonly attempt: number
}

/** How a receiver behaves. */
export interface ReceiverPlan {
  readonly name: string
  /** With each occurrence at first. */
  readonly misconduct?: Conduct
  /** How often, before it takes it. */
  readonly wrongTimes?: number
  readonly conduct?: Conduct
}

/** A server of webhooks that remembers what it was sent. */
export class WebhookReceiver implements AsyncDisposable {
  readonly requests: RequestRecord[] = []
  readonly #server: Server
  readonly #plan: Required<ReceiverPlan>
  readonly #seen = new Map<string, number>()

  static async open({
    name,
    misconduct = takes,
    wrongTimes = 1,
    conduct = takes,
  }: ReceiverPlan): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver({ name, misconduct, wrongTimes, conduct })
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  private constructor(plan: Required<ReceiverPlan>) {
    this.#plan = plan
    this.#server = createServer((request, response) => {
      // Who asked may be gone in the middle of it.
      this.#receive(request, response).catch(() => response.destroy())
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await text(request)) || '{}') as Partial<WebhookBody>
    const { event_id: scheduleId = '', occurrence_id: occurrenceId = '', scheduled_at: at = '', attempt = 0 } = body
    const messageId = String(request.headers['webhook-id'] ?? '')
    const received = {
      receiver: this.#plan.name,
      path: request.url ?? '',
      messageId,
      scheduleId,
      occurrenceId,
      scheduledMs: Date.parse(at),
      attempt,
      offSeconds: Number(request.headers['webhook-timestamp'] ?? Number.NaN) - Date.now() / 1_000,
    }
    const index = this.requests.push({ ...received, status: 0 }) - 1
    response.once('finish', () => {
      this.requests[index] = { ...received, status: response.statusCode }
    })
    const seen = this.#seen.get(messageId) ?? 0
    this.#seen.set(messageId, seen + 1)
    const { misconduct, wrongTimes, conduct } = this.#plan
    await (seen < wrongTimes ? misconduct : conduct)(response)
  }
}
