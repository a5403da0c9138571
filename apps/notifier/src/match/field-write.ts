import { create } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { FieldSchema, type Field, type FieldState, type Notification, type Value } from '@qcore/contracts'
import { celFromMessage, type CelInput } from '@qcore/expression'
import { timestampFromMicros, type Grants } from '@qcore/model'
import { decodeEntityCreated, decodeFieldChange, type ChangeOutline, type LogRecord } from '@qcore/replica'
import { fieldBytes } from '../notify/notification-size.ts'
import { seenType, type SeenTypes } from '../notify/seen-types.ts'
import type { FilterInputs, LookUp, NotifiedChange } from './notified-change.ts'
import { sameValue } from './same-value.ts'

/** What a field holds from the commit on, and what it held. */
interface WrittenValue {
  value?: Value | undefined
  /** Absent: the time of the commit. */
  writeTime?: Timestamp | undefined
  /** Absent if the commit created the entity. */
  previous?: FieldState | undefined
}

/** A field that a commit wrote. Its values are decoded, and its messages made, when asked for: once for all streams. */
export class FieldWrite implements NotifiedChange {
  readonly entityId: string
  readonly entityType: string
  readonly name: string
  readonly #record: LogRecord
  readonly #source: ChangeOutline | WrittenValue
  #written: WrittenValue | undefined
  #current: Field | undefined
  #previous: Field | undefined
  #changed: boolean | undefined

  constructor(
    record: LogRecord,
    field: { entityId: string; type: string; name: string },
    source: ChangeOutline | WrittenValue,
  ) {
    this.entityId = field.entityId
    this.entityType = field.type
    this.name = field.name
    this.#record = record
    this.#source = source
  }

  /** The revision that wrote it. */
  get revision(): number {
    return this.#record.revision
  }

  /**
   * The revision that has the value before, if the log left that out to keep a large commit small: then `setPrevious`
   * comes before anything else is asked.
   */
  get lackingRevision(): number | undefined {
    const { previous } = this.#decode()
    return previous !== undefined && previous.value === undefined ? Number(previous.revision) : undefined
  }

  /** Completes the value before. */
  setPrevious(value: Value): void {
    const { previous } = this.#decode()
    if (previous !== undefined) previous.value = value
  }

  /** Whether the value differs from the one before. That of a created entity does. */
  get changed(): boolean {
    if (this.#changed !== undefined) return this.#changed
    const { value, previous } = this.#decode()
    return (this.#changed = previous === undefined || !sameValue(value, previous.value))
  }

  get current(): Field {
    if (this.#current !== undefined) return this.#current
    const { value, writeTime } = this.#decode()
    const field = this.#fieldOf(value, writeTime ?? timestampFromMicros(this.#record.commitTimeUs))
    field.writer = this.#record.writer
    field.revision = BigInt(this.#record.revision)
    return (this.#current = field)
  }

  /** Undefined if the commit created the entity. */
  get previous(): Field | undefined {
    const { previous } = this.#decode()
    if (previous === undefined || this.#previous !== undefined) return this.#previous
    const field = this.#fieldOf(previous.value, previous.writeTime)
    field.writer = previous.writer
    field.revision = previous.revision
    return (this.#previous = field)
  }

  get lookUps(): readonly LookUp[] {
    return [
      { kind: 'entity', target: this.entityId, field: this.name },
      { kind: 'type', target: this.entityType, field: this.name },
    ]
  }

  get filterInputs(): FilterInputs {
    const { value, previous } = this.#decode()
    return { current: celOf(value), previous: celOf(previous?.value), field: this.name }
  }

  fill(message: Notification): number {
    message.current = this.current
    if (this.previous !== undefined) message.previous = this.previous
    return fieldBytes(message.current) + fieldBytes(message.previous)
  }

  isVisible(seen: SeenTypes, grants: Grants): boolean {
    return grants.hasAll || seenType(seen, this.entityType, grants)?.fieldsByName.has(this.name) === true
  }

  #decode(): WrittenValue {
    return (this.#written ??= 'kind' in this.#source ? decodeFieldChange(this.#source) : this.#source)
  }

  #fieldOf(value: Value | undefined, writeTime: Timestamp | undefined): Field {
    const field = create(FieldSchema)
    field.entityId = this.entityId
    field.name = this.name
    if (value !== undefined) field.value = value
    if (writeTime !== undefined) field.writeTime = writeTime
    return field
  }
}

function celOf(value: Value | undefined): CelInput {
  return value === undefined ? null : celFromMessage(value)
}

/**
 * The fields that a change of a commit wrote. A created entity counts as a write of each of its fields; a deleted one, and
 * the defaults of fields that a schema added, as none.
 */
export function* fieldWrites(record: LogRecord, change: ChangeOutline): Generator<FieldWrite> {
  if (change.kind === 'field_changed') yield new FieldWrite(record, change, change)
  if (change.kind !== 'entity_created') return
  const { entityId, type } = change
  for (const { name, value, writeTime } of decodeEntityCreated(change).fields) {
    yield new FieldWrite(record, { entityId, type, name }, { value, writeTime })
  }
}
