import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerOutcome, DeliveryClient, EventAnswer } from '@qcore/client'
import { isQError } from '@qcore/errors'
import type { Logger } from '../logger.ts'

/** Answers of one request. */
const mostAnswers = 1_000
/** Requests on their way at a time: one that JetStream confirms, one that the notifier reads, one between. */
const requestsOnTheirWay = 3
/** Bytes of a request: it has to fit into a message, also as JSON. */
const mostBytes = 200_000
/** Of an answer, besides the error in it. */
const factsBytes = 300
/** There is an answer that will not be taken. */
const refusedCodes = ['invalid_request', 'payload_too_large'] as const
const firstRetryMs = 100
const longestRetryMs = 2_000
/** After this time without an answer to the answers, the events are given out again anyway. */
const giveUpMs = 60_000

interface Waiting {
  readonly answer: EventAnswer
  readonly resolve: (outcome: AnswerOutcome | undefined) => void
}

/**
 * Answers events, many in a request. While one is on its way, answers gather. A full one leaves beside others only if all of them say
 * nothing but that events are handled: what is said of an event besides keeps its order.
 */
export class AnswerBatcher {
  readonly #delivery: Pick<DeliveryClient, 'ack'>
  readonly #own: { readonly namespace: string; readonly nodeId: string }
  readonly #logger: Logger
  #waiting: Waiting[] = []
  readonly #onTheirWay = new Map<Promise<void>, readonly Waiting[]>()
  #isScheduled = false
  #giveUp = new AbortController()

  constructor(delivery: Pick<DeliveryClient, 'ack'>, own: { namespace: string; nodeId: string }, logger: Logger) {
    this.#delivery = delivery
    this.#own = own
    this.#logger = logger
  }

  /** Resolves with what became of it; undefined: nobody could be told, and the event comes again. */
  answer(answer: EventAnswer): Promise<AnswerOutcome | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ answer, resolve })
      this.#schedule()
    })
  }

  /** Resolves when all are told, or given up after a time. */
  async finish(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#giveUp.abort(), withinMs)
    this.#sendMore()
    while (this.#onTheirWay.size > 0) await Promise.all(this.#onTheirWay.keys())
    clearTimeout(timer)
    this.#giveUp = new AbortController()
  }

  /** What is answered in the same turn goes along. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#sendMore()
    })
  }

  #sendMore(): void {
    while (this.#waiting.length > 0) {
      const count = this.#fitting()
      if (this.#onTheirWay.size > 0 && !this.#mayLeaveBeside(count)) return
      const batch = this.#waiting.splice(0, count)
      const sent = this.#sendBatch(batch).finally(() => {
        this.#onTheirWay.delete(sent)
        this.#sendMore()
      })
      this.#onTheirWay.set(sent, batch)
    }
  }

  #mayLeaveBeside(count: number): boolean {
    if (this.#onTheirWay.size >= requestsOnTheirWay || count === this.#waiting.length) return false
    return [this.#waiting.slice(0, count), ...this.#onTheirWay.values()].every(saysHandled)
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const outcomes = await this.#send(batch.map(({ answer }) => answer))
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index])
  }

  /** How many of those that wait make a request; at least one. */
  #fitting(): number {
    let bytes = 0
    const first = this.#waiting.slice(0, mostAnswers).findIndex(({ answer }) => {
      bytes += factsBytes + (answer.answer === 'failed' ? Buffer.byteLength(answer.error) : 0)
      return bytes > mostBytes
    })
    return first === -1 ? Math.min(mostAnswers, this.#waiting.length) : Math.max(1, first)
  }

  async #send(answers: readonly EventAnswer[]): Promise<(AnswerOutcome | undefined)[]> {
    const until = performance.now() + giveUpMs
    const { signal } = this.#giveUp
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        return await this.#delivery.ack(this.#own, answers, { signal })
      } catch (error) {
        this.#logger.warn('cannot answer events yet', { error, events: answers.length })
        if (refusedCodes.some((code) => isQError(error, code))) return this.#sendHalves(answers)
        if (performance.now() >= until) break
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
    return []
  }

  /** One of them can never be told: the others are. */
  async #sendHalves(answers: readonly EventAnswer[]): Promise<(AnswerOutcome | undefined)[]> {
    if (answers.length === 1) return []
    const middle = Math.ceil(answers.length / 2)
    const first = await this.#send(answers.slice(0, middle))
    const second = await this.#send(answers.slice(middle))
    return answers.map((_, index) => (index < middle ? first[index] : second[index - middle]))
  }
}

function saysHandled(batch: readonly Waiting[]): boolean {
  return batch.every(({ answer }) => answer.answer === 'handled')
}
