import { create } from '@bufbuild/protobuf'
import { FieldSchema, PathChangeSchema, type Field, type Notification } from '@qcore/contracts'
import { celFromMessage } from '@qcore/expression'
import type { FilterInputs, LookUp, NotifiedChange } from '../match/notified-change.ts'
import { sameValue } from '../match/same-value.ts'
import { fieldBytes } from '../notify/notification-size.ts'
import { mostNotificationBytes } from '../notify/outgoing-notification.ts'

/** Where a path leads from an entity. */
export interface PathEnd {
  /** The entities that it leads over; empty: nowhere. */
  readonly entityIds: readonly string[]
  /** Undefined: nowhere. */
  readonly field: Field | undefined
}

/** What is at the end of a path has changed, or was written. */
export class PathEvent implements NotifiedChange {
  readonly entityId: string
  readonly lookUps: readonly LookUp[] = []
  readonly #path: string
  readonly #before: PathEnd | undefined
  readonly #after: PathEnd

  constructor(entityId: string, path: string, { before, after }: { before: PathEnd | undefined; after: PathEnd }) {
    this.entityId = entityId
    this.#path = path
    this.#before = before
    this.#after = after
  }

  get changed(): boolean {
    const [current, previous] = [this.#after.field, this.#before?.field]
    if (current === undefined || previous === undefined) return current !== previous
    return !sameValue(current.value, previous.value)
  }

  /** Whether the end was written, or is another one. */
  get isWrite(): boolean {
    const [current, previous] = [this.#after.field, this.#before?.field]
    if (current === undefined || previous === undefined) return current !== previous
    return current.revision !== previous.revision || this.#after.entityIds.join() !== this.#before?.entityIds.join()
  }

  get filterInputs(): FilterInputs {
    return { current: celOf(this.#after.field), previous: celOf(this.#before?.field), field: this.#path }
  }

  fill(message: Notification): number {
    const { field, entityIds } = this.#after
    const value = create(PathChangeSchema, { entityId: this.entityId, path: this.#path })
    value.entityIds = [...entityIds]
    value.previousEntityIds = [...(this.#before?.entityIds ?? [])]
    message.event = { case: 'path', value }
    if (field !== undefined) message.current = field
    const ids = value.entityIds.length + value.previousEntityIds.length
    const bytes = 2_048 + 68 * ids + fieldBytes(field)
    const previous = this.#before?.field
    if (previous === undefined) return bytes
    const fits = bytes + fieldBytes(previous) <= mostNotificationBytes
    message.previous = fits ? previous : withoutValue(previous)
    return bytes + fieldBytes(message.previous)
  }

  isVisible(): boolean {
    return true
  }
}

function withoutValue(field: Field): Field {
  const { value: _value, ...rest } = field
  return create(FieldSchema, rest)
}

function celOf(field: Field | undefined): FilterInputs['current'] {
  return field?.value === undefined ? null : celFromMessage(field.value)
}
