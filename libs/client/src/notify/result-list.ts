import { QError } from '@qcore/errors'
import type { QueriedEntity } from '../read/query.ts'
import type { QueryNotification } from './notification.ts'

/** What a query finds, as a subscriber has it: a list that its notifications are applied to, in order. */
export class ResultList {
  readonly #entities: QueriedEntity[] = []

  /** After all notifications of a revision: what the query finds at it, in order. */
  get entities(): readonly QueriedEntity[] {
    return this.#entities
  }

  /** Applies a change. Throws `internal` if it does not fit: one was left out, or came twice. */
  apply({ entityId, entity, position, previousPosition }: QueryNotification): void {
    if (previousPosition !== undefined) {
      const [taken] = this.#entities.splice(previousPosition, 1)
      if (taken?.id !== entityId)
        throw new QError('internal', `${entityId} is not at ${previousPosition} of the result`)
    }
    if (entity !== undefined && position !== undefined) this.#entities.splice(position, 0, entity)
  }
}
