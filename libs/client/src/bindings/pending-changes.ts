import {
  commit,
  type CommitBuilder,
  type MoveTarget,
  type NewEntity,
  type WriteOptions,
} from '../commit/commit-builder.ts'
import { idOf, list, TypedValue, type EntityRef, type ValueInput } from '../values/value-input.ts'
import type { ListEdits } from './commit-list-edits.ts'
import { editedList, type ListEdit } from './list-edit.ts'

/** A value that was written and not committed. */
export interface PendingValue {
  readonly value: ValueInput
  readonly options: WriteOptions
}

/** An entity that was created and not committed. */
export interface PendingEntity {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly parentId: string
}

/** What a multi will commit, and how it looks to whoever reads before that. */
export class PendingChanges {
  /** In the order in which they were made; without the edits of lists. */
  readonly changes: CommitBuilder = commit()
  readonly #values = new Map<string, Map<string, PendingValue>>()
  readonly #lists = new Map<string, Map<string, ListEdit[]>>()
  readonly #created = new Map<string, PendingEntity>()
  readonly #deleted = new Set<string>()
  readonly #names = new Map<string, string>()
  readonly #parents = new Map<string, string>()

  /** How many changes there are. */
  get size(): number {
    return this.changes.mutations.length + this.lists().length
  }

  create(type: string, entity: NewEntity & { id: string }): void {
    this.changes.create(type, entity)
    const { id, name, parent, fields = {} } = entity
    this.#created.set(id, { id, type, name, parentId: idOf(parent) })
    this.#deleted.delete(id)
    for (const [field, value] of Object.entries(fields)) this.#remember(id, field, { value, options: {} })
  }

  delete(entityId: string): void {
    this.changes.delete(entityId)
    this.#deleted.add(entityId)
    this.#created.delete(entityId)
    this.#values.delete(entityId)
    this.#lists.delete(entityId)
  }

  rename(entityId: string, name: string): void {
    this.changes.rename(entityId, name)
    this.#names.set(entityId, name)
  }

  move(entityId: string, target: MoveTarget): void {
    this.changes.move(entityId, target)
    if (target.parent !== undefined) this.#parents.set(entityId, idOf(target.parent))
  }

  write(entityId: string, field: string, value: ValueInput, options: WriteOptions): void {
    this.changes.write(entityId, field, value, options)
    this.#lists.get(entityId)?.delete(field)
    this.#remember(entityId, field, { value, options })
  }

  editList(entityId: string, field: string, edit: ListEdit): void {
    const pending = this.valueOf(entityId, field)
    if (pending !== undefined) {
      this.write(entityId, field, list(editedList(idsOf(pending.value), [edit])), pending.options)
      return
    }
    const lists = this.#lists.get(entityId) ?? new Map<string, ListEdit[]>()
    this.#lists.set(entityId, lists.set(field, [...(lists.get(field) ?? []), edit]))
  }

  isDeleted(entityId: string): boolean {
    return this.#deleted.has(entityId)
  }

  created(entityId: string): PendingEntity | undefined {
    const entity = this.#created.get(entityId)
    return entity && this.placed(entity)
  }

  /** Whether names, parents or children of entities may differ from what the store has. */
  get isRestructured(): boolean {
    return this.#created.size + this.#deleted.size + this.#names.size + this.#parents.size > 0
  }

  /** The entity with its new name and parent. */
  placed<E extends { readonly id: string; readonly name: string; readonly parentId: string }>(entity: E): E {
    const { id } = entity
    const name = this.#names.get(id) ?? entity.name
    return { ...entity, name, parentId: this.#parents.get(id) ?? entity.parentId }
  }

  /** The entities that are created below a parent or moved there. */
  arrivalsAt(parentId: string): string[] {
    const created = [...this.#created.keys()].filter((id) => this.created(id)?.parentId === parentId)
    const moved = Array.from(this.#parents, ([id, parent]) => (parent === parentId ? id : ''))
    return [...created, ...moved.filter((id) => id !== '' && !this.#created.has(id) && !this.#deleted.has(id))]
  }

  valueOf(entityId: string, field: string): PendingValue | undefined {
    return this.#values.get(entityId)?.get(field)
  }

  editsOf(entityId: string, field: string): readonly ListEdit[] {
    return this.#lists.get(entityId)?.get(field) ?? []
  }

  /** All edits of lists. */
  lists(): ListEdits[] {
    return Array.from(this.#lists, ([entityId, lists]) =>
      Array.from(lists, ([field, edits]): ListEdits => ({ entityId, field, edits })),
    ).flat()
  }

  #remember(entityId: string, field: string, pending: PendingValue): void {
    const values = this.#values.get(entityId) ?? new Map<string, PendingValue>()
    this.#values.set(entityId, values.set(field, pending))
  }
}

/** The ids of a list that was written; of anything else none, for the store to refuse it. */
function idsOf(value: ValueInput): string[] {
  const plain = value instanceof TypedValue ? value.value : value
  return Array.isArray(plain) ? plain.map((entity: EntityRef) => idOf(entity)) : []
}
