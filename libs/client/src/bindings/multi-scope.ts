import { QError } from '@qcore/errors'
import type { MoveTarget, WriteOptions } from '../commit/commit-builder.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { FieldQuestion } from '../schema/type-directory.ts'
import type { FieldType } from '../values/field-type.ts'
import type { Entity, Field } from '../values/field.ts'
import { Timestamp } from '../values/timestamp.ts'
import { impliedType, type ValueInput } from '../values/value-input.ts'
import { messageFromInput, typedValueFromMessage, type TypedFieldValue } from '../values/value-message.ts'
import type { BindingScope, BindingStore } from './binding-scope.ts'
import { expectType } from './field-binding.ts'
import { editedList, type ListEdit } from './list-edit.ts'
import type { PendingChanges, PendingEntity, PendingValue } from './pending-changes.ts'
import { followPath } from './pending-path.ts'

/** Tells the type of a field by the store's schemas; undefined if there is no such field. */
export type FieldTypeSource = (question: FieldQuestion, options: ReadOptions) => Promise<FieldType | undefined>

/** The changes of a multi. */
export interface PendingSource {
  /** To read. */
  readonly current: () => PendingChanges
  /** To add to. Throws while the multi is being committed, or has to be committed again. */
  readonly open: () => PendingChanges
}

/** What every entity has, unless its type has a field of that name. */
const ownNames: ReadonlySet<string> = new Set(['Name', 'Parent', 'Children'])

/** What a multi reads from and writes to: the store, under the changes that are not committed yet. */
export class MultiScope implements BindingScope<void> {
  readonly store: BindingStore
  readonly #typeOf: FieldTypeSource
  readonly #source: PendingSource

  constructor(store: BindingStore, typeOf: FieldTypeSource, source: PendingSource) {
    this.store = store
    this.#typeOf = typeOf
    this.#source = source
  }

  get #pending(): PendingChanges {
    return this.#source.current()
  }

  async entity(id: string, options: ReadOptions): Promise<Entity> {
    this.#expectPresent(id)
    const created = this.#pending.created(id)
    return created === undefined ? this.#pending.placed(await this.store.get(id, options)) : entityOf(created)
  }

  /** Those that the store has, then those that come. */
  async children(id: string, options: ReadOptions): Promise<Entity[]> {
    this.#expectPresent(id)
    const pending = this.#pending
    const committed = pending.created(id) === undefined ? await this.store.children(id, options).toArray() : []
    const left = committed
      .filter((child) => !pending.isDeleted(child.id))
      .map((child) => pending.placed(child))
      .filter(({ parentId }) => parentId === id)
    const held = new Set(left.map((child) => child.id))
    const arrivals = pending.arrivalsAt(id).filter((child) => !held.has(child))
    return [...left, ...(await Promise.all(arrivals.map((child) => this.entity(child, options))))]
  }

  async read(entityId: string, path: string, options: ReadOptions): Promise<Field> {
    if (!path.includes('->') || this.#pending.size === 0) return this.#readField(entityId, path, options)
    const end = await followPath(entityId, path, (id, step) => this.#readField(id, step, options))
    return this.#readField(end.entityId, end.path, options)
  }

  write(entityId: string, field: string, value: ValueInput, options: WriteOptions): void {
    this.#expectPresent(entityId)
    expectOwnField(field)
    this.#source.open().write(entityId, field, value, options)
  }

  editList(entityId: string, field: string, edit: ListEdit): void {
    this.#expectPresent(entityId)
    expectOwnField(field)
    this.#source.open().editList(entityId, field, edit)
  }

  rename(entityId: string, name: string): void {
    this.#expectPresent(entityId)
    this.#source.open().rename(entityId, name)
  }

  move(entityId: string, target: MoveTarget): void {
    this.#expectPresent(entityId)
    this.#source.open().move(entityId, target)
  }

  delete(entityId: string): void {
    this.#expectPresent(entityId)
    this.#source.open().delete(entityId)
  }

  async #readField(entityId: string, name: string, options: ReadOptions): Promise<Field> {
    this.#expectPresent(entityId)
    const pending = this.#pending
    const value = pending.valueOf(entityId, name)
    const created = pending.created(entityId)
    if (value !== undefined) {
      const of = created === undefined ? { entityId } : { type: created.type }
      const type = impliedType(value.value) ?? (await this.#typeOf({ of, field: name }, options))
      if (type !== undefined) return pendingField(entityId, name, valueAs(type, value, name), value.options)
    }
    const edits = pending.editsOf(entityId, name)
    const field =
      created === undefined
        ? await this.#storedField(entityId, name, options)
        : await this.#defaultOf(created, name, options)
    if (edits.length === 0) return field
    expectType(field, 'EntityList')
    const ids = editedList(field.value as readonly string[], edits)
    return pendingField(entityId, name, { type: 'EntityList', value: ids }, {})
  }

  async #storedField(entityId: string, name: string, options: ReadOptions): Promise<Field> {
    if (!this.#pending.isRestructured || !ownNames.has(name)) return this.store.read(entityId, name, options)
    const isField = (await this.#typeOf({ of: { entityId }, field: name }, options)) !== undefined
    return isField ? this.store.read(entityId, name, options) : this.#ownField(entityId, name, options)
  }

  /** What a field of an entity that is not committed will hold. */
  async #defaultOf(created: PendingEntity, name: string, options: ReadOptions): Promise<Field> {
    const { fields } = await this.store.schema(created.type, options)
    const definition = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (definition !== undefined) {
      const value = { type: definition.type, value: definition.default } as TypedFieldValue
      return pendingField(created.id, name, value, {})
    }
    if (ownNames.has(name)) return this.#ownField(created.id, name, options)
    throw new QError('unknown_field', `type ${created.type} has no field ${name}`, { field: name })
  }

  /** The name, the parent or the children of an entity whose type has no field of that name. */
  async #ownField(id: string, wanted: string, options: ReadOptions): Promise<Field> {
    if (wanted === 'Children') {
      const children = await this.children(id, options)
      return pendingField(id, wanted, { type: 'EntityList', value: children.map((child) => child.id) }, {})
    }
    const { name, parentId } = await this.entity(id, options)
    const value: TypedFieldValue =
      wanted === 'Name' ? { type: 'String', value: name } : { type: 'EntityReference', value: parentId }
    return pendingField(id, wanted, value, {})
  }

  #expectPresent(entityId: string): void {
    if (!this.#pending.isDeleted(entityId)) return
    throw new QError('unknown_entity', `the entity ${entityId} is deleted by this multi`, { field: 'entity_id' })
  }
}

/** Where a path leads is only known when the commit is made: reads in between could not see the change. */
function expectOwnField(field: string): void {
  if (!field.includes('->')) return
  throw new QError('invalid_path', `a multi changes fields of entities: follow ${field} first`, { field: 'path' })
}

function entityOf({ id, type, name, parentId }: PendingEntity): Entity {
  return { id, type, name, parentId, createdRevision: 0 }
}

function valueAs(type: FieldType, { value }: PendingValue, name: string): TypedFieldValue {
  return typedValueFromMessage(messageFromInput(type, value, name))
}

/** Nobody wrote it yet: it has revision 0 and no writer. */
function pendingField(
  entityId: string,
  name: string,
  value: TypedFieldValue,
  { writeTime = Timestamp.now() }: WriteOptions,
): Field {
  const time = writeTime instanceof Date ? Timestamp.fromDate(writeTime) : writeTime
  return { ...value, entityId, name, writeTime: time, writer: '', revision: 0 }
}
