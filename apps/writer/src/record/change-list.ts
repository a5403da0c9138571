import type { FieldModel, FieldState, TypeModel } from '@qcore/model'
import type { HotEntity } from '../commit/hot-entity.ts'

export interface FieldChanged {
  readonly kind: 'field'
  readonly entity: HotEntity
  readonly field: FieldModel
  state: FieldState
  /** What it held before the commit; undefined if the commit itself added the field to the type. */
  readonly previous: FieldState | undefined
}

export interface EntityCreated {
  readonly kind: 'created'
  readonly entityId: string
}

export interface EntityDeleted {
  readonly kind: 'deleted'
  /** As it was before the commit. */
  readonly entity: HotEntity
}

export interface StructureChanged {
  readonly kind: 'structure'
  readonly entityId: string
  /** As it was before the commit. */
  readonly previous: HotEntity
}

export interface SchemaChanged {
  readonly kind: 'schema'
  /** Undefined: the type is deleted. */
  model: TypeModel | undefined
  readonly previous: TypeModel | undefined
  /** Ids of fields that hold converted values, and of those that held them before. */
  readonly conversions: readonly { readonly fromId: number; readonly toId: number }[]
}

export interface EventEmitted {
  readonly kind: 'event'
  readonly id: string
  readonly namespace: string
  readonly type: string
  /** It is held until then, in microseconds since 1970; undefined: it is not. */
  readonly dueUs: number | undefined
  /** About how many bytes its payload takes. */
  readonly bytes: number
}

/** What was done to a schedule. */
export type ScheduleDone = 'put' | 'deleted' | 'paused' | 'resumed'

export interface ScheduleChanged {
  readonly kind: 'schedule'
  readonly id: string
  readonly namespace: string
  readonly name: string
  readonly done: ScheduleDone
}

export interface ConfigChanged {
  readonly kind: 'config'
  readonly key: string
  readonly configRevision: number
  readonly isDeleted: boolean
  /** About how many bytes its value takes. */
  readonly bytes: number
}

export type CommitChange =
  | FieldChanged
  | EntityCreated
  | EntityDeleted
  | StructureChanged
  | SchemaChanged
  | EventEmitted
  | ScheduleChanged
  | ConfigChanged

/** What a commit changes, in order; a field, an entity and a schema at most once. */
export class ChangeList {
  readonly #changes: (CommitChange | undefined)[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  *[Symbol.iterator](): Generator<CommitChange> {
    for (const change of this.#changes) if (change !== undefined) yield change
  }

  add(change: CommitChange): void {
    this.#changes.push(change)
    this.#length++
  }

  /** The change that this commit already makes to a field. */
  fieldChange(entityId: string, field: FieldModel): FieldChanged | undefined {
    for (const change of this.#changes) {
      if (change?.kind === 'field' && change.field.id === field.id && change.entity.id === entityId) return change
    }
    return undefined
  }

  /** The change that this commit already makes to a schema. */
  schemaChange(type: string): SchemaChanged | undefined {
    for (const change of this.#changes) if (change?.kind === 'schema' && change.model?.name === type) return change
    return undefined
  }

  /** Takes out what the commit did to entities that it deletes in the end. */
  dropEntities(ids: ReadonlySet<string>): void {
    for (const [index, change] of this.#changes.entries()) {
      if (change === undefined || !ids.has(entityIdOf(change))) continue
      this.#changes[index] = undefined
      this.#length--
    }
  }
}

function entityIdOf(change: CommitChange): string {
  switch (change.kind) {
    case 'field':
      return change.entity.id
    case 'created':
    case 'structure':
      return change.entityId
    default:
      return ''
  }
}
