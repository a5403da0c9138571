import { Membership, type Field, type Notification } from '@qcore/contracts'
import { celFromMessage } from '@qcore/expression'
import type { Grants } from '@qcore/model'
import { fieldBytes } from '../notify/notification-size.ts'
import { seenType, type SeenTypes } from '../notify/seen-types.ts'
import type { FieldWrite } from './field-write.ts'
import type { FilterInputs, LookUp, NotifiedChange } from './notified-change.ts'

interface MembershipField {
  readonly entityId: string
  readonly entityType: string
  readonly name: string
  /** What it holds now, of an entity that came; what it held, of one that went. */
  readonly field: () => Field | undefined
  /** A write by which the field is known: its value before may be lacking. */
  readonly write?: FieldWrite | undefined
}

/** An entity has come into a subtree, or left it: told of each field. */
export class MembershipEvent implements NotifiedChange {
  readonly entityId: string
  readonly lookUps: readonly LookUp[] = []
  readonly changed = true
  readonly write: FieldWrite | undefined
  readonly #membership: Membership
  readonly #of: MembershipField

  constructor(membership: typeof Membership.ENTERED | typeof Membership.LEFT, of: MembershipField) {
    this.entityId = of.entityId
    this.write = of.write
    this.#membership = membership
    this.#of = of
  }

  get filterInputs(): FilterInputs {
    const value = this.#of.field()?.value
    const cel = value === undefined ? null : celFromMessage(value)
    const isEntry = this.#membership === Membership.ENTERED
    return { current: isEntry ? cel : null, previous: isEntry ? null : cel, field: this.#of.name }
  }

  fill(message: Notification): number {
    const field = this.#of.field()
    message.membership = this.#membership
    if (field !== undefined) message[this.#membership === Membership.ENTERED ? 'current' : 'previous'] = field
    return fieldBytes(field)
  }

  isVisible(seen: SeenTypes, grants: Grants): boolean {
    return grants.hasAll || seenType(seen, this.#of.entityType, grants)?.fieldsByName.has(this.#of.name) === true
  }
}
