import type { NewEntity, WriteOptions } from '../commit/commit-builder.ts'
import type { CommitOptions, CommitResult } from '../commit/committer.ts'
import type { Notification } from '../notify/notification.ts'
import type { NotificationStream } from '../notify/notification-stream.ts'
import type { NotifyOptions } from '../notify/subscriber.ts'
import type { Subscription } from '../notify/subscription.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { Pages } from '../read/pages.ts'
import {
  specOf,
  valueFor,
  type EntityOf,
  type EntityRefOf,
  type FieldName,
  type FieldOf,
  type PathOf,
  type SpecAt,
  type TypeDefinition,
  type ValuesOf,
} from '../schema/define-type.ts'
import type { WriteValue } from '../schema/field-spec.ts'
import type { ValueInput } from '../values/value-input.ts'
import type { BindingStore } from './binding-scope.ts'
import { DirectScope } from './direct-scope.ts'
import { EntityBinding } from './entity-binding.ts'
import { typedNotification, type NotificationOf, type NotifyFields } from './typed-notification.ts'
import { typedFind, type FindQueryOf, type FoundOf } from './typed-find.ts'
import { TypedQuery } from './typed-query.ts'

/** A new entity of a type. */
export type NewEntityOf<Type extends TypeDefinition> = Omit<NewEntity, 'fields'> & { readonly fields?: ValuesOf<Type> }

/** The entities of a type that is defined in TypeScript: wrong names and values do not compile. */
export class TypeBinding<Type extends TypeDefinition> {
  readonly definition: Type
  readonly #store: BindingStore

  constructor(store: BindingStore, definition: Type) {
    this.#store = store
    this.definition = definition
  }

  /** Binds an entity; nothing is read. */
  bind(entity: EntityRefOf<Type>): EntityBinding<Type> {
    return new EntityBinding(new DirectScope(this.#store), this.definition, entity)
  }

  /** Reads an entity. Throws `unknown_entity`; `type_mismatch` if it is of another type. */
  get(id: string, options: ReadOptions = {}): Promise<EntityOf<Type>> {
    return this.bind(id).get(options)
  }

  create(entity: NewEntityOf<Type>, options: CommitOptions = {}): Promise<EntityOf<Type>> {
    return this.#store.create(this.definition.type, typedEntity(this.definition, entity), options)
  }

  /** Finds entities by the values of their fields. */
  find<Selected extends FieldName<Type> = never>(
    query: FindQueryOf<Type, Selected> = {},
    options: ReadOptions = {},
  ): Pages<FoundOf<Type, Selected>> {
    return typedFind(this.#store, this.definition, query, options)
  }

  /** Begins a query: `query().where({ Status: 'ON' }).select('Level').orderBy('Name')`, to iterate over, or to count. */
  query(): TypedQuery<Type> {
    return new TypedQuery(this.#store, this.definition)
  }

  /** Reads a field with its write time, writer and revision, or what a path leads to. */
  read<Path extends PathOf<Type>>(
    entity: EntityRefOf<Type>,
    path: Path,
    options: ReadOptions = {},
  ): Promise<FieldOf<SpecAt<Type, Path>>> {
    return this.bind(entity).readField(path, options)
  }

  write<Name extends FieldName<Type>>(
    entity: EntityRefOf<Type>,
    name: Name,
    value: WriteValue<Type['fields'][Name]>,
    options: WriteOptions = {},
  ): Promise<CommitResult> {
    return this.bind(entity).write(name, value, options)
  }

  /** Calls back for every change of the fields of any entity of the type. Resolves when the subscription is live. */
  notify<Name extends FieldName<Type>, const Context extends readonly PathOf<Type>[] = []>(
    target: NotifyFields<Type, Name, Context>,
    callback: (notification: NotificationOf<Type, Name, Context>) => void | Promise<void>,
    options: NotifyOptions = {},
  ): Promise<Subscription> {
    const take = (each: Notification): void | Promise<void> => callback(typedNotification(this.definition, each))
    return this.#store.notify({ ...target, type: this.definition.type }, take, options)
  }

  /** The same to iterate over. Resolves when the subscription is live. */
  notifications<Name extends FieldName<Type>, const Context extends readonly PathOf<Type>[] = []>(
    target: NotifyFields<Type, Name, Context>,
    options: NotifyOptions = {},
  ): Promise<NotificationStream<NotificationOf<Type, Name, Context>>> {
    return this.#store.notifications({ ...target, type: this.definition.type }, options, (each) =>
      typedNotification<Type, Name, Context>(this.definition, each),
    )
  }
}

/** The entity with its values as the definition says them. */
export function typedEntity(
  definition: TypeDefinition,
  { fields = {}, ...entity }: Omit<NewEntity, 'fields'> & { fields?: Readonly<Record<string, ValueInput | undefined>> },
): NewEntity {
  const values = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, valueFor(specOf(definition, name), value)] as const],
  )
  return { ...entity, fields: Object.fromEntries(values) }
}
