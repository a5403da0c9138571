import type { Delivery, WatchRequest, WatchResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** Where a stream can be resumed. */
export interface Position {
  readonly revision: bigint
  readonly logId: string
}

/** How far a stream was sent: up to its last whole revision. */
export class Cursor {
  #logId = ''
  #revision: bigint | undefined
  #awaitsResult: boolean

  /** `awaitsResult`: a result comes first, without which nothing that follows is of use. */
  constructor(awaitsResult = false) {
    this.#awaitsResult = awaitsResult
  }

  /** Notes what is sent. Gives the position if it is another one. */
  note(message: WatchResponse | Delivery): Position | undefined {
    const { event } = message
    if (event.case === 'live') {
      this.#logId = event.value.logId
      return this.#awaitsResult ? undefined : this.#reach(event.value.revision)
    }
    if (event.case === 'progress') return this.#reach(event.value.revision)
    const isPart = event.case === 'notifications' || event.case === 'folded'
    if (!isPart || event.value.more) return undefined
    this.#awaitsResult = false
    return this.#reach(event.case === 'folded' ? event.value.lastRevision : event.value.revision)
  }

  /** Undefined before anything can be left out. */
  get position(): Position | undefined {
    return this.#revision === undefined ? undefined : { revision: this.#revision, logId: this.#logId }
  }

  #reach(revision: bigint): Position {
    this.#revision = revision
    return { revision, logId: this.#logId }
  }
}

/** Whether a watch begins with the result of a query. */
export function beginsWithResult({ subscriptions }: WatchRequest): boolean {
  return subscriptions.some(({ target }) => target.case === 'query' && target.value.initial)
}

/** A position as the id of a Server-Sent Event. */
export function eventIdOf({ revision, logId }: Position): string {
  return `${logId}:${revision}`
}

/**
 * The position that an id stands for.
 *
 * @throws QError `invalid_request`
 */
export function positionOf(eventId: string): Position {
  const [, logId, revision] = /^([A-Za-z0-9_-]{1,64}):(\d{1,16})$/.exec(eventId) ?? []
  if (logId === undefined || revision === undefined) {
    throw new QError('invalid_request', 'Last-Event-ID is none of the ids of these events', { field: 'last-event-id' })
  }
  return { revision: BigInt(revision), logId }
}
