import { HeldEventService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { eventFromMessage, type StoredEvent } from './event.ts'

/** Which events that are held; all that is given must fit. */
export interface HeldEventQuery {
  /** A type, or a pattern: `*` is one part, `>` at the end one or more. */
  readonly type?: string
  readonly producer?: string
  readonly correlationId?: string
}

/** Lists and cancels events that are held until they are due. */
export class HeldEventClient {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** The events of a namespace that are held, what is due first. Throws `unknown_namespace`. */
  async *list(
    namespace: string,
    { type = '', producer = '', correlationId = '' }: HeldEventQuery = {},
    options: CallOptions = {},
  ): AsyncGenerator<StoredEvent, void> {
    let cursor = ''
    do {
      const request = { namespace, type, producer, correlationId, cursor }
      const page = await this.#caller.call(HeldEventService.method.listHeldEvents, request, options)
      yield* page.events.map(eventFromMessage)
      cursor = page.nextCursor
    } while (cursor !== '')
  }

  /** Cancels one: it is never emitted. Gives it. Throws `unknown_event`, `event_due`. */
  async cancel(eventId: string, options: CallOptions = {}): Promise<StoredEvent> {
    const { event } = await this.#caller.call(HeldEventService.method.cancelHeldEvent, { eventId }, options)
    if (event === undefined) throw new QError('internal', 'the answer has no event')
    return eventFromMessage(event)
  }
}
