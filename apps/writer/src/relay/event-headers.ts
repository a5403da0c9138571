import { commonHeadersFromEvent, ownHeadersFromEvent, type CommonFacts, type EventFacts } from '@qcore/model'
import { headerLines, WireHeaders, type HeaderPairs } from '@qcore/transport'

/** Makes the headers of events' messages. What an event has in common with the one before it is written once. */
export class EventHeaders {
  readonly #store: string
  #before: CommonFacts | undefined
  #commonLines = ''

  constructor(store: string) {
    this.#store = store
  }

  /** The headers of an event, and others before them. */
  of(event: EventFacts, others: HeaderPairs): WireHeaders {
    if (this.#before === undefined || !haveInCommon(event, this.#before)) {
      this.#commonLines = headerLines(commonHeadersFromEvent(this.#store, event))
      this.#before = event
    }
    return new WireHeaders([...others, ...ownHeadersFromEvent(event)], this.#commonLines)
  }
}

function haveInCommon(one: CommonFacts, other: CommonFacts): boolean {
  return (
    one.namespace === other.namespace &&
    one.type === other.type &&
    one.producer === other.producer &&
    one.orderKey === other.orderKey &&
    one.writer === other.writer
  )
}
