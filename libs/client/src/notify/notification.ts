import { create } from '@bufbuild/protobuf'
import {
  SubscriptionSchema,
  Trigger,
  type ContextField as ContextFieldMessage,
  type Notification as NotificationMessage,
  type Subscription as SubscriptionMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { errorFromProblem } from '../calls/problem.ts'
import { fieldFromMessage, type Field } from '../values/field.ts'
import type { Timestamp } from '../values/timestamp.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'

/** What to be notified of: fields of one entity, or of every entity of exactly one type. */
export type NotifyTarget = ({ readonly entity: EntityRef } | { readonly type: string }) & {
  /** 1 to 64 fields. */
  readonly fields: readonly string[]
  /** `change`, the default: when the value differs from the one before. `write`: at every write. */
  readonly trigger?: 'change' | 'write'
  /** Paths from the changed entity, read at the revision of the change; at most 16. */
  readonly context?: readonly string[]
}

/** A context field that could not be read, and why: `unknown_field`, `broken_path`. */
export interface MissingField {
  readonly value: undefined
  readonly problem: QError
}

/** A field was written. */
export interface Notification {
  readonly entityId: string
  readonly name: string
  /** The revision that wrote it. */
  readonly revision: number
  /** When that was committed, on PostgreSQL's clock. */
  readonly time: Timestamp
  readonly current: Field
  /** Undefined if the revision created the entity. */
  readonly previous: Field | undefined
  /** One a path of the target's `context`, in order. */
  readonly context: readonly (Field | MissingField)[]
}

export function subscriptionMessage(target: NotifyTarget): SubscriptionMessage {
  return create(SubscriptionSchema, {
    target:
      'entity' in target
        ? { case: 'entityId', value: idOf(target.entity) }
        : { case: 'entityType', value: target.type },
    fields: [...target.fields],
    trigger: target.trigger === 'write' ? Trigger.WRITE : Trigger.UNSPECIFIED,
    context: [...(target.context ?? [])],
  })
}

/** About how many bytes a subscription takes. */
export function subscriptionBytes({ target, fields, context }: SubscriptionMessage): number {
  const texts = [target.value ?? '', ...fields, ...context]
  return texts.reduce((sum, text) => sum + text.length * 3 + 4, 8)
}

/** @param commit the revision that the notification is part of */
export function notificationFromMessage(
  message: NotificationMessage,
  { revision, time }: { revision: number; time: Timestamp },
): Notification {
  if (message.current === undefined) throw new QError('internal', 'a notification has no field')
  const current = fieldFromMessage(message.current, unnamed)
  const asked = { entityId: current.entityId, name: current.name }
  return {
    entityId: current.entityId,
    name: current.name,
    revision,
    time,
    current,
    previous: message.previous === undefined ? undefined : fieldFromMessage(message.previous, asked),
    context: message.context.map((context) => contextField(context, asked)),
  }
}

const unnamed = { entityId: '', name: '' }

function contextField(
  { outcome }: ContextFieldMessage,
  asked: { entityId: string; name: string },
): Field | MissingField {
  if (outcome.case === 'field') return fieldFromMessage(outcome.value, asked)
  const problem =
    outcome.case === 'problem' ? errorFromProblem(outcome.value) : new QError('internal', 'a context field is missing')
  return { value: undefined, problem }
}
