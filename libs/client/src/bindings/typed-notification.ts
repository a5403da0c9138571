import type { MissingField, Notification } from '../notify/notification.ts'
import {
  specOf,
  type FieldName,
  type FieldOf,
  type PathOf,
  type SpecAt,
  type TypeDefinition,
} from '../schema/define-type.ts'
import { expectType } from './field-binding.ts'

/** Which fields of a type to be notified of, and what to tell with them. */
export interface NotifyFields<
  Type extends TypeDefinition,
  Name extends FieldName<Type>,
  Context extends readonly PathOf<Type>[],
> {
  readonly fields: readonly Name[]
  /** `change`, the default: when the value differs from the one before. `write`: at every write. */
  readonly trigger?: 'change' | 'write'
  /** Paths from the changed entity, read at the revision of the change; at most 16. */
  readonly context?: Context
}

/** A notification of a field of a type: `name` tells what `current.value` is. */
export type NotificationOf<
  Type extends TypeDefinition,
  Name extends FieldName<Type>,
  Context extends readonly PathOf<Type>[],
> = {
  [Each in Name]: Omit<Notification, 'name' | 'current' | 'previous' | 'context'> & {
    readonly name: Each
    readonly current: FieldOf<Type['fields'][Each]>
    /** Undefined if the revision created the entity. */
    readonly previous: FieldOf<Type['fields'][Each]> | undefined
    /** One a path of the context, in order. */
    readonly context: { readonly [Index in keyof Context]: FieldOf<SpecAt<Type, Context[Index]>> | MissingField }
  }
}[Name]

/** The notification, if it is what the definition promises. Throws QError `type_mismatch`: that ends the subscription. */
export function typedNotification<
  Type extends TypeDefinition,
  Name extends FieldName<Type>,
  Context extends readonly PathOf<Type>[],
>(definition: Type, notification: Notification): NotificationOf<Type, Name, Context> {
  const spec = specOf(definition, notification.name)
  if (spec !== undefined) expectType(notification.current, spec.type)
  return notification as unknown as NotificationOf<Type, Name, Context>
}
