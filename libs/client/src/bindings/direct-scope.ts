import { commit, type MoveTarget, type WriteOptions } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { Entity, Field } from '../values/field.ts'
import type { ValueInput } from '../values/value-input.ts'
import type { BindingScope, BindingStore } from './binding-scope.ts'
import { commitListEdits } from './commit-list-edits.ts'
import type { ListEdit } from './list-edit.ts'

/** Bindings without a multi: every change is a commit of its own. */
export class DirectScope implements BindingScope<Promise<CommitResult>> {
  readonly store: BindingStore

  constructor(store: BindingStore) {
    this.store = store
  }

  entity(id: string, options: ReadOptions): Promise<Entity> {
    return this.store.get(id, options)
  }

  children(id: string, options: ReadOptions): Promise<Entity[]> {
    return this.store.children(id, options).toArray()
  }

  read(entityId: string, path: string, options: ReadOptions): Promise<Field> {
    return this.store.read(entityId, path, options)
  }

  write(entityId: string, field: string, value: ValueInput, options: WriteOptions): Promise<CommitResult> {
    return this.store.commit(commit().write(entityId, field, value, options))
  }

  editList(entityId: string, field: string, edit: ListEdit): Promise<CommitResult> {
    const { store } = this
    const lists = [{ entityId, field, edits: [edit] }]
    return commitListEdits(store, { changes: commit(), lists, commit: (input) => store.commit(input) })
  }

  rename(entityId: string, name: string): Promise<CommitResult> {
    return this.store.commit(commit().rename(entityId, name))
  }

  move(entityId: string, target: MoveTarget): Promise<CommitResult> {
    return this.store.commit(commit().move(entityId, target))
  }

  delete(entityId: string): Promise<CommitResult> {
    return this.store.commit(commit().delete(entityId))
  }
}
