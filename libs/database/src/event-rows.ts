import type { DelayedEventFacts, EventContent, EventFacts } from '@qcore/model'
import type { ArrayParameter, ElementType } from './array-parameter.ts'
import { RowColumns } from './row-columns.ts'

/** A key that an event was emitted with. */
export interface EventKeyRow {
  namespace: string
  key: string
  /** The event. */
  revision: number
  index: number
  /** How long it counts. */
  expiresUs: number
}

/** What all events have. */
const commonTypes: readonly ElementType[] = [
  'int8',
  'int4',
  'int8',
  'text',
  'text',
  'text',
  'text',
  'text',
  'text',
  'text',
  'text',
  'int8',
]

/** What a group of commits writes of events. */
export class EventRows {
  readonly emitted = new RowColumns([...commonTypes, 'int8', 'int4', 'int8', 'int8'])
  readonly delayed = new RowColumns([...commonTypes, 'int8'])
  readonly released = new RowColumns(['int8', 'int4'])
  readonly keys = new RowColumns(['text', 'text', 'int8', 'int4', 'int8'])

  addEmitted(row: EventFacts): void {
    const { emitted } = this
    fillEvent(emitted, row, row.emittedUs)
    addNullable(emitted.column(12), row.idRevision)
    if (row.idIndex === null) emitted.column(13).addNull()
    else emitted.column(13).addInt4(row.idIndex)
    addNullable(emitted.column(14), row.acceptedUs)
    addNullable(emitted.column(15), row.dueUs)
  }

  /** An event to hold until it is due. */
  addDelayed(row: DelayedEventFacts): void {
    fillEvent(this.delayed, row, row.acceptedUs)
    this.delayed.column(12).addInt8(row.dueUs)
  }

  /** An event that is held no more. */
  addReleased(row: { revision: number; index: number }): void {
    this.released.column(0).addInt8(row.revision)
    this.released.column(1).addInt4(row.index)
  }

  addKey(row: EventKeyRow): void {
    const { keys } = this
    keys.column(0).addText(row.namespace)
    keys.column(1).addText(row.key)
    keys.column(2).addInt8(row.revision)
    keys.column(3).addInt4(row.index)
    keys.column(4).addInt8(row.expiresUs)
  }

  /** Takes all rows out. */
  reset(): void {
    for (const rows of [this.emitted, this.delayed, this.released, this.keys]) rows.reset()
  }
}

function fillEvent(rows: RowColumns, row: EventContent & { revision: number; index: number }, timeUs: number): void {
  rows.column(0).addInt8(row.revision)
  rows.column(1).addInt4(row.index)
  rows.column(2).addInt8(timeUs)
  rows.column(3).addText(row.namespace)
  rows.column(4).addText(row.type)
  rows.column(5).addText(row.payload)
  rows.column(6).addText(row.producer)
  rows.column(7).addText(row.correlationId)
  rows.column(8).addText(row.writer)
  rows.column(9).addText(row.orderKey)
  rows.column(10).addText(row.attributes)
  addNullable(rows.column(11), row.expiresUs)
}

function addNullable(column: ArrayParameter, value: number | null): void {
  if (value === null) column.addNull()
  else column.addInt8(value)
}
