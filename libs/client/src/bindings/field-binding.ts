import { QError } from '@qcore/errors'
import type { WriteOptions } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { Notification } from '../notify/notification.ts'
import type { NotifyOptions } from '../notify/subscriber.ts'
import type { Subscription } from '../notify/subscription.ts'
import type { NotifyTarget } from '../notify/watch-target.ts'
import type { ReadOptions } from '../read/consistency.ts'
import { valueFor, type FieldOf } from '../schema/define-type.ts'
import type { FieldSpec, ReadValue, WriteValue } from '../schema/field-spec.ts'
import type { FieldType } from '../values/field-type.ts'
import type { Field } from '../values/field.ts'
import type { ValueInput } from '../values/value-input.ts'
import type { BindingScope } from './binding-scope.ts'

/** How to be notified of a field. */
export type FieldNotifyOptions = NotifyOptions & Pick<NotifyTarget, 'trigger' | 'context'>

/** A notification of a field of a type. */
export type FieldNotification<Spec extends FieldSpec> = Omit<Notification, 'current' | 'previous'> & {
  readonly current: FieldOf<Spec>
  /** Undefined if the revision created the entity. */
  readonly previous: FieldOf<Spec> | undefined
}

/** Where a binding of a field comes from. */
export interface FieldOrigin<Written> {
  readonly scope: BindingScope<Written>
  readonly entityId: string
  readonly name: string
  /** What the definition says of the field, if there is one. */
  readonly spec: FieldSpec | undefined
  /** Takes note of a subscription, for whoever ends all of an entity's. */
  readonly keep: (subscription: Subscription) => void
}

/** A field of an entity, to read, write and watch. */
export class FieldBinding<Spec extends FieldSpec = FieldSpec, Written = Promise<CommitResult>> {
  readonly entityId: string
  readonly name: string
  protected readonly origin: FieldOrigin<Written>

  constructor(origin: FieldOrigin<Written>) {
    this.origin = origin
    this.entityId = origin.entityId
    this.name = origin.name
  }

  /** Reads the value. Throws `type_mismatch` if the store has the field with another type than the definition. */
  async read(options: ReadOptions = {}): Promise<ReadValue<Spec>> {
    return (await this.readField(options)).value as ReadValue<Spec>
  }

  /** Reads the value with its write time, writer and revision. In a multi, a pending value has revision 0. */
  async readField(options: ReadOptions = {}): Promise<FieldOf<Spec>> {
    const { scope, spec } = this.origin
    const field = await scope.read(this.entityId, this.name, options)
    if (spec !== undefined) expectType(field, spec.type)
    return field as FieldOf<Spec>
  }

  /** Writes a value: at once, or in a multi when that is committed. */
  write(value: WriteValue<Spec>, options: WriteOptions = {}): Written {
    return this.origin.scope.write(this.entityId, this.name, this.inputOf(value), options)
  }

  /** The value as commits take it, with its type if that is known here. */
  inputOf(value: WriteValue<Spec>): ValueInput {
    return valueFor(this.origin.spec, value)
  }

  /** Calls back for every change of the field, in order. Resolves when the subscription is live. */
  async notify(
    callback: (notification: FieldNotification<Spec>) => void | Promise<void>,
    { trigger = 'change', context = [], ...options }: FieldNotifyOptions = {},
  ): Promise<Subscription> {
    const { scope, spec, keep } = this.origin
    const target = { entity: this.entityId, fields: [this.name], trigger, context }
    const take = (notification: Notification): void | Promise<void> => {
      if (spec !== undefined) expectType(notification.current, spec.type)
      return callback(notification as FieldNotification<Spec>)
    }
    const subscription = await scope.store.notify(target, take, options)
    keep(subscription)
    return subscription
  }
}

/** Throws QError `type_mismatch` unless the field is of the type. */
export function expectType(field: Field, type: FieldType): void {
  if (field.type === type) return
  throw new QError('type_mismatch', `${field.name} of ${field.entityId} is of type ${field.type}, not ${type}`, {
    field: field.name,
  })
}
