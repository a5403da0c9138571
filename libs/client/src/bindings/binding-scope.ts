import type { Client } from '../client.ts'
import type { MoveTarget, WriteOptions } from '../commit/commit-builder.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { Entity, Field } from '../values/field.ts'
import type { ValueInput } from '../values/value-input.ts'
import type { ListEdit } from './list-edit.ts'

/** The store that bindings belong to. */
export type BindingStore = Pick<
  Client,
  | 'get'
  | 'read'
  | 'readMany'
  | 'children'
  | 'find'
  | 'query'
  | 'count'
  | 'explain'
  | 'commit'
  | 'create'
  | 'schema'
  | 'notify'
  | 'notifications'
  | 'revision'
>

/** Where bindings read from and write to: the store itself, or a multi. `Written` is what a change returns. */
export interface BindingScope<Written> {
  readonly store: BindingStore
  entity(id: string, options: ReadOptions): Promise<Entity>
  children(id: string, options: ReadOptions): Promise<Entity[]>
  read(entityId: string, path: string, options: ReadOptions): Promise<Field>
  write(entityId: string, field: string, value: ValueInput, options: WriteOptions): Written
  editList(entityId: string, field: string, edit: ListEdit): Written
  rename(entityId: string, name: string): Written
  move(entityId: string, target: MoveTarget): Written
  delete(entityId: string): Written
}
