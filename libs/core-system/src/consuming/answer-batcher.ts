import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerOutcome, DeliveryClient, EventAnswer } from '@qcore/client'
import type { Logger } from '../logger.ts'

/** Answers of one request. */
const mostAnswers = 1_000
const firstRetryMs = 100
const longestRetryMs = 2_000
/** After this time without an answer to the answers, the events are given out again anyway. */
const giveUpMs = 60_000

interface Waiting {
  readonly answer: EventAnswer
  readonly resolve: (outcome: AnswerOutcome | undefined) => void
}

/** Answers events, many in a request while one is on its way. */
export class AnswerBatcher {
  readonly #delivery: DeliveryClient
  readonly #own: { readonly namespace: string; readonly nodeId: string }
  readonly #logger: Logger
  #waiting: Waiting[] = []
  #sending: Promise<void> | undefined

  constructor(delivery: DeliveryClient, own: { namespace: string; nodeId: string }, logger: Logger) {
    this.#delivery = delivery
    this.#own = own
    this.#logger = logger
  }

  /** Resolves with what became of it; undefined: nobody could be told, and the event comes again. */
  answer(answer: EventAnswer): Promise<AnswerOutcome | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ answer, resolve })
      this.#sending ??= this.#sendAll()
    })
  }

  /** Resolves when all are told, or given up. */
  async idle(): Promise<void> {
    await this.#sending
  }

  async #sendAll(): Promise<void> {
    // What is answered in the same turn goes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, mostAnswers)
      const outcomes = await this.#send(batch.map(({ answer }) => answer))
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes?.[index])
    }
    this.#sending = undefined
  }

  async #send(answers: readonly EventAnswer[]): Promise<AnswerOutcome[] | undefined> {
    const until = performance.now() + giveUpMs
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        return await this.#delivery.ack(this.#own, answers)
      } catch (error) {
        this.#logger.warn('cannot answer events yet', { error, events: answers.length })
        if (performance.now() >= until) return undefined
        await delay(retryMs)
      }
    }
  }
}
