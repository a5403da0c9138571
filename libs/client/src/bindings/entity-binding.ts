import { QError } from '@qcore/errors'
import type { WriteOptions } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { Notification } from '../notify/notification.ts'
import type { NotificationStream } from '../notify/notification-stream.ts'
import type { NotifyOptions } from '../notify/subscriber.ts'
import type { Subscription } from '../notify/subscription.ts'
import type { ReadOptions } from '../read/consistency.ts'
import {
  specOf,
  type EntityOf,
  type FieldName,
  type FieldOf,
  type PathOf,
  type ReadableName,
  type SpecAt,
  type TypeDefinition,
} from '../schema/define-type.ts'
import type { ReadValue, WriteValue } from '../schema/field-spec.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import { AnyFieldBinding } from './any-field-binding.ts'
import type { BindingScope } from './binding-scope.ts'
import { BoundEntity } from './bound-entity.ts'
import { FieldBinding } from './field-binding.ts'
import { ListBinding } from './list-binding.ts'
import { typedNotification, type NotificationOf, type NotifyFields } from './typed-notification.ts'

/** The fields of a type that hold lists. */
export type ListName<Type extends TypeDefinition> = NameOfKind<Type, 'EntityList'>

/** The fields of a type that hold references. */
export type ReferenceName<Type extends TypeDefinition> = NameOfKind<Type, 'EntityReference'>

type NameOfKind<Type extends TypeDefinition, Kind extends string> = {
  [Name in FieldName<Type>]: Kind extends Type['fields'][Name]['type'] ? Name : never
}[FieldName<Type>]

/** The definition of a type that a reference may lead to. */
export type TargetType<Type extends TypeDefinition, Name extends string> = Type['fields'][Name] extends {
  readonly to: infer Target extends string
}
  ? TypeDefinition<Target>
  : TypeDefinition

/** An entity of a type that is defined in TypeScript: wrong names and values do not compile. */
export class EntityBinding<Type extends TypeDefinition, Written = Promise<CommitResult>> extends BoundEntity<Written> {
  readonly type: Type['type']
  readonly #definition: Type

  constructor(scope: BindingScope<Written>, definition: Type, entity: EntityRef) {
    super(scope, idOf(entity))
    this.type = definition.type
    this.#definition = definition
  }

  /** Reads the entity. Throws `unknown_entity`; `type_mismatch` if it is of another type. */
  override async get(options: ReadOptions = {}): Promise<EntityOf<Type>> {
    const entity = await super.get(options)
    if (entity.type !== this.type) {
      throw new QError('type_mismatch', `the entity ${this.id} is a ${entity.type}, not a ${this.type}`)
    }
    return entity
  }

  field<Name extends ReadableName<Type>>(name: Name): FieldBinding<SpecAt<Type, Name>, Written> {
    return new FieldBinding(this.#origin(name))
  }

  /** A field that holds a list. */
  list<Name extends ListName<Type>>(name: Name): ListBinding<Type['fields'][Name], Written> {
    return new ListBinding(this.#origin(name))
  }

  /** Reads a field with its write time, writer and revision, or what a path leads to. */
  readField<Path extends PathOf<Type>>(path: Path, options: ReadOptions = {}): Promise<FieldOf<SpecAt<Type, Path>>> {
    return new FieldBinding<SpecAt<Type, Path>, Written>(this.#origin(path)).readField(options)
  }

  /** Reads the value of a field, or of what a path leads to. */
  read<Path extends PathOf<Type>>(path: Path, options: ReadOptions = {}): Promise<ReadValue<SpecAt<Type, Path>>> {
    return new FieldBinding<SpecAt<Type, Path>, Written>(this.#origin(path)).read(options)
  }

  write<Name extends FieldName<Type>>(
    name: Name,
    value: WriteValue<Type['fields'][Name]>,
    options: WriteOptions = {},
  ): Written {
    return new FieldBinding<Type['fields'][Name], Written>(this.#origin(name)).write(value, options)
  }

  /** The entity that a reference leads to; undefined if it is empty. */
  async follow<Name extends ReferenceName<Type>, Target extends TargetType<Type, Name>>(
    name: Name,
    target: Target,
    options: ReadOptions = {},
  ): Promise<EntityBinding<Target, Written> | undefined> {
    const id = (await new FieldBinding(this.#origin(name)).read(options)) as string
    return id === '' ? undefined : new EntityBinding(this.scope, target, id)
  }

  /** The parent; undefined for the root. */
  async parent(options: ReadOptions = {}): Promise<AnyEntityBinding<Written> | undefined> {
    return parentOf(this.scope, this.id, options)
  }

  /** The children of a type, ordered by name, then id. */
  children<Child extends TypeDefinition>(
    type: Child,
    options: ReadOptions = {},
  ): Promise<EntityBinding<Child, Written>[]> {
    return childrenOf(this.scope, this.id, type, options)
  }

  /** Calls back for every change of the fields, in order. Resolves when the subscription is live. */
  async notify<Name extends FieldName<Type>, const Context extends readonly PathOf<Type>[] = []>(
    target: NotifyFields<Type, Name, Context>,
    callback: (notification: NotificationOf<Type, Name, Context>) => void | Promise<void>,
    options: NotifyOptions = {},
  ): Promise<Subscription> {
    const take = (each: Notification): void | Promise<void> => callback(typedNotification(this.#definition, each))
    const subscription = await this.scope.store.notify({ ...target, entity: this.id }, take, options)
    this.keep(subscription)
    return subscription
  }

  /** The same to iterate over. Resolves when the subscription is live. */
  async notifications<Name extends FieldName<Type>, const Context extends readonly PathOf<Type>[] = []>(
    target: NotifyFields<Type, Name, Context>,
    options: NotifyOptions = {},
  ): Promise<NotificationStream<NotificationOf<Type, Name, Context>>> {
    const { store } = this.scope
    const stream = await store.notifications({ ...target, entity: this.id }, options, (each) =>
      typedNotification<Type, Name, Context>(this.#definition, each),
    )
    this.keep(stream.subscription)
    return stream
  }

  #origin(name: string) {
    const spec = specOf(this.#definition, name)
    return {
      scope: this.scope,
      entityId: this.id,
      name,
      spec,
      keep: (subscription: Subscription) => this.keep(subscription),
    }
  }
}

/** An entity whose type the compiler does not know. */
export class AnyEntityBinding<Written = Promise<CommitResult>> extends BoundEntity<Written> {
  constructor(scope: BindingScope<Written>, entity: EntityRef) {
    super(scope, idOf(entity))
  }

  /** A field, or what a path leads to. */
  field(name: string): AnyFieldBinding<Written> {
    return new AnyFieldBinding(this.#origin(name))
  }

  /** A field that holds a list. */
  list(name: string): ListBinding<{ readonly type: 'EntityList' }, Written> {
    return new ListBinding({ ...this.#origin(name), spec: { type: 'EntityList' } })
  }

  /** The parent; undefined for the root. */
  async parent(options: ReadOptions = {}): Promise<AnyEntityBinding<Written> | undefined> {
    return parentOf(this.scope, this.id, options)
  }

  /** The children, or those of a type; ordered by name, then id. */
  children(): Promise<AnyEntityBinding<Written>[]>
  children(type: undefined, options: ReadOptions): Promise<AnyEntityBinding<Written>[]>
  children<Child extends TypeDefinition>(type: Child, options?: ReadOptions): Promise<EntityBinding<Child, Written>[]>
  async children(type?: TypeDefinition, options: ReadOptions = {}): Promise<unknown[]> {
    if (type !== undefined) return childrenOf(this.scope, this.id, type, options)
    const children = await this.scope.children(this.id, options)
    return children.map(({ id }) => new AnyEntityBinding(this.scope, id))
  }

  #origin(name: string) {
    return {
      scope: this.scope,
      entityId: this.id,
      name,
      spec: undefined,
      keep: (subscription: Subscription) => this.keep(subscription),
    }
  }
}

async function parentOf<Written>(
  scope: BindingScope<Written>,
  id: string,
  options: ReadOptions,
): Promise<AnyEntityBinding<Written> | undefined> {
  const { parentId } = await scope.entity(id, options)
  return parentId === '' ? undefined : new AnyEntityBinding(scope, parentId)
}

async function childrenOf<Child extends TypeDefinition, Written>(
  scope: BindingScope<Written>,
  id: string,
  type: Child,
  options: ReadOptions,
): Promise<EntityBinding<Child, Written>[]> {
  const children = await scope.children(id, options)
  return children.filter((child) => child.type === type.type).map((child) => new EntityBinding(scope, type, child))
}
