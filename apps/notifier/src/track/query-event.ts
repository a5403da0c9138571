import { create } from '@bufbuild/protobuf'
import {
  FieldResultSchema,
  ProblemSchema,
  QueriedEntitySchema,
  QueryChangeKind,
  QueryChangeSchema,
  type FieldResult,
  type Notification,
  type QueriedEntity,
  type QueryChange,
} from '@qcore/contracts'
import type { Ordered } from '@qcore/query'
import type { FilterInputs, LookUp, NotifiedChange } from '../match/notified-change.ts'
import { fieldBytes } from '../notify/notification-size.ts'
import { mostNotificationBytes } from '../notify/outgoing-notification.ts'
import type { ResultStep } from './ordered-result.ts'

/** An entity that a query found, in its place. */
export interface ResultMember extends Ordered {
  readonly entity: QueriedEntity
}

/** An entity without fields: ids, a long name, two revisions. */
const entityBytes = 1_536

const kinds = {
  enter: QueryChangeKind.ENTER,
  change: QueryChangeKind.CHANGE,
  leave: QueryChangeKind.LEAVE,
} as const

/** A change of what a query finds. */
export class QueryEvent implements NotifiedChange {
  /** No context is read. */
  readonly entityId = ''
  readonly lookUps: readonly LookUp[] = []
  readonly changed = true
  readonly filterInputs: FilterInputs = { current: null, previous: null, field: '' }
  readonly #step: ResultStep<ResultMember>
  readonly #columns: readonly string[]
  readonly #isInitial: boolean

  constructor(step: ResultStep<ResultMember>, columns: readonly string[], isInitial: boolean) {
    this.#step = step
    this.#columns = columns
    this.#isInitial = isInitial
  }

  fill(message: Notification): number {
    const { kind, member } = this.#step
    const value = create(QueryChangeSchema, { kind: kinds[kind], entityId: member.id, initial: this.#isInitial })
    if (this.#step.kind !== 'leave') value.position = this.#step.position
    if (this.#step.kind !== 'enter') value.previousPosition = this.#step.previousPosition
    message.event = { case: 'query', value }
    return kind === 'leave' ? 128 : this.#fillEntity(value, member.entity)
  }

  isVisible(): boolean {
    return true
  }

  #fillEntity(value: QueryChange, { entity, fields }: QueriedEntity): number {
    value.columns = [...this.#columns]
    let bytes = this.#columns.reduce((sum, column) => sum + 4 + column.length, entityBytes)
    const fitting = fields.map((field) => {
      const size = resultBytes(field)
      const fits = bytes + size <= mostNotificationBytes
      bytes += fits ? size : resultBytes(tooLarge)
      return fits ? field : tooLarge
    })
    const shown = create(QueriedEntitySchema, { fields: fitting })
    if (entity !== undefined) shown.entity = entity
    value.entity = shown
    return bytes
  }
}

/** The bytes that a column of an entity takes, rounded up. */
export function resultBytes({ outcome }: FieldResult): number {
  if (outcome.case === 'field') return 8 + fieldBytes(outcome.value)
  const { code = '', message = '', field = '' } = outcome.value ?? {}
  return 32 + 3 * (code.length + message.length + field.length)
}

const tooLarge = create(FieldResultSchema, {
  outcome: {
    case: 'problem',
    value: create(ProblemSchema, {
      code: 'payload_too_large',
      message: 'with this field the notification would be larger than a message may be',
    }),
  },
})
