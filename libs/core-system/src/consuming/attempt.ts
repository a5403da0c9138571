import { setTimeout as delay } from 'node:timers/promises'
import type { Subscribed } from '../handler-table.ts'
import type { Logger } from '../logger.ts'
import { GivenUp, handleEvent, Postponed, type HandleContext, type Handling } from './handle-event.ts'

/** The pause after which an event comes again that could not be handled now; it doubles each time. */
const firstPauseMs = 200
const longestPauseMs = 5_000

/** More of an error is not kept. */
const mostErrorBytes = 8_192

/** What is to be said of an event. */
export type Verdict =
  | { readonly answer: 'handled' }
  | { readonly answer: 'released'; readonly afterMs: number }
  | { readonly answer: 'failed'; readonly error: string; readonly isFinal: boolean }

export interface AttemptContext extends HandleContext {
  readonly handlersOf: Subscribed['handlersOf']
  readonly logger: Logger
}

/** Tries to handle an event. */
export async function attempt(handling: Handling, context: AttemptContext): Promise<Verdict> {
  const { delivery, term } = handling
  const { type, id } = delivery.event
  try {
    await handleEvent(handling, context.handlersOf(type), context)
    return { answer: 'handled' }
  } catch (error) {
    const { logger } = context
    const facts = { event: id, type, attempt: delivery.attempt }
    if (error instanceof Postponed) {
      logger.warn('an event cannot be handled yet', { error: error.cause, ...facts })
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(delivery.redeliveries, 30))
      if (error.isTaken) return { answer: 'released', afterMs: pauseMs }
      // It keeps its place for so long: the others would fare no better.
      await delay(pauseMs, undefined, { signal: term.signal }).catch(() => undefined)
      return { answer: 'released', afterMs: 0 }
    }
    logger.warn('an event failed', { error, ...facts })
    return { answer: 'failed', error: textOf(error), isFinal: error instanceof GivenUp }
  }
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(mostErrorBytes))
  return text.slice(0, read)
}
