import type { JsonValue } from '@qcore/json'
import type { ConfigCondition, PutConfigOptions } from '../config/config-mutation.ts'
import type { EventInput, EventOptions } from '../events/event.ts'
import type { ScheduleInput, ScheduleRef } from '../schedules/schedule-input.ts'
import type { AlterStep } from '../schema/alter-type.ts'
import type { TypeSchemaInput } from '../schema/schema.ts'
import type { Timestamp } from '../values/timestamp.ts'
import { idOf, type EntityRef, type ValueInput } from '../values/value-input.ts'

/** One change of a commit. */
export type MutationInput =
  | {
      readonly kind: 'create'
      readonly type: string
      readonly parentId: string
      readonly name: string
      /** Empty: the store makes one. */
      readonly id: string
      /** Empty: it comes last, where children are ordered. */
      readonly beforeId: string
      readonly fields: Readonly<Record<string, ValueInput>>
    }
  | { readonly kind: 'delete'; readonly entityId: string }
  | {
      readonly kind: 'write'
      readonly entityId: string
      readonly field: string
      readonly value: ValueInput
      readonly options: WriteOptions
    }
  | { readonly kind: 'rename'; readonly entityId: string; readonly name: string }
  | {
      readonly kind: 'move'
      readonly entityId: string
      /** Empty: the one that it has. */
      readonly parentId: string
      readonly beforeId: string
    }
  | { readonly kind: 'alter_type'; readonly type: string; readonly steps: readonly AlterStep[] }
  | { readonly kind: 'delete_type'; readonly type: string }
  | { readonly kind: 'emit'; readonly event: EventInput }
  | {
      readonly kind: 'put_config'
      readonly key: string
      readonly value: JsonValue
      readonly options: PutConfigOptions
    }
  | { readonly kind: 'delete_config'; readonly key: string; readonly options: ConfigCondition }
  | { readonly kind: 'put_schedule'; readonly schedule: ScheduleInput }
  | { readonly kind: 'delete_schedule' | 'pause_schedule' | 'resume_schedule'; readonly schedule: ScheduleRef }
  | { readonly kind: 'set_schema'; readonly schema: TypeSchemaInput }

/** Something that must hold, or nothing is changed: `condition_failed`. */
export type ConditionInput =
  | { readonly kind: 'revision'; readonly entityId: string; readonly field: string; readonly revision: number }
  | { readonly kind: 'value'; readonly entityId: string; readonly field: string; readonly value: ValueInput }
  | { readonly kind: 'exists'; readonly entityId: string; readonly exists: boolean }

/** What a commit consists of. */
export interface CommitInput {
  readonly mutations: readonly MutationInput[]
  readonly conditions: readonly ConditionInput[]
}

export interface NewEntity {
  readonly parent: EntityRef
  /** 1 to 255 characters. */
  readonly name: string
  /** At most 64 letters, digits, `_` and `-`. Default: the store makes one. */
  readonly id?: string
  /** The child that it comes before, if the type of the parent orders children explicitly. Default: it comes last. */
  readonly before?: EntityRef
  /** Other fields get their default. */
  readonly fields?: Readonly<Record<string, ValueInput>>
}

/** Where an entity is moved to. */
export interface MoveTarget {
  /** Default: the parent that it has. */
  readonly parent?: EntityRef
  /** The child that it comes before, if the type of the parent orders children explicitly. Default: it comes last. */
  readonly before?: EntityRef
}

export interface WriteOptions {
  /** True: if the field already holds the value, nothing of it changes, its time and writer included. */
  readonly ifChanged?: boolean
  /** The time to store with the value; default: the time of the commit. */
  readonly writeTime?: Timestamp | Date
}

/** Begins a commit: all of it becomes one revision, or nothing. Give it to `q.commit`. */
export function commit(): CommitBuilder {
  return new CommitBuilder()
}

/** The changes and conditions of a commit, in the order in which they were added. */
export class CommitBuilder implements CommitInput {
  readonly mutations: MutationInput[] = []
  readonly conditions: ConditionInput[] = []

  /** Later changes of the commit may use the entity if its id is given. */
  create(type: string, { parent, name, id = '', before = '', fields = {} }: NewEntity): this {
    this.mutations.push({ kind: 'create', type, parentId: idOf(parent), name, id, beforeId: idOf(before), fields })
    return this
  }

  /** Deletes an entity and its descendants; references to them are cleared. */
  delete(entity: EntityRef): this {
    this.mutations.push({ kind: 'delete', entityId: idOf(entity) })
    return this
  }

  rename(entity: EntityRef, name: string): this {
    this.mutations.push({ kind: 'rename', entityId: idOf(entity), name })
    return this
  }

  /** Moves an entity with its descendants. */
  move(entity: EntityRef, { parent = '', before = '' }: MoveTarget): this {
    this.mutations.push({ kind: 'move', entityId: idOf(entity), parentId: idOf(parent), beforeId: idOf(before) })
    return this
  }

  /** @param field also a path that ends in one: `Owner->Site->Status`; the result says what was written */
  write(entity: EntityRef, field: string, value: ValueInput, options: WriteOptions = {}): this {
    this.mutations.push({ kind: 'write', entityId: idOf(entity), field, value, options })
    return this
  }

  /** Emits an event with the other changes. */
  emit(namespace: string, type: string, payload?: unknown, options: EventOptions = {}): this {
    this.mutations.push({ kind: 'emit', event: { namespace, type, payload, options } })
    return this
  }

  /** Gives a key of the configuration a value with the other changes. */
  putConfig(key: string, value: JsonValue, options: PutConfigOptions = {}): this {
    this.mutations.push({ kind: 'put_config', key, value, options })
    return this
  }

  /** Deletes a key of the configuration with the other changes. */
  deleteConfig(key: string, options: ConfigCondition = {}): this {
    this.mutations.push({ kind: 'delete_config', key, options })
    return this
  }

  /** Makes a schedule, or replaces the one of that id, or of that namespace and name. */
  putSchedule(schedule: ScheduleInput): this {
    this.mutations.push({ kind: 'put_schedule', schedule })
    return this
  }

  /** Ends a schedule for good. */
  deleteSchedule(schedule: ScheduleRef): this {
    this.mutations.push({ kind: 'delete_schedule', schedule })
    return this
  }

  pauseSchedule(schedule: ScheduleRef): this {
    this.mutations.push({ kind: 'pause_schedule', schedule })
    return this
  }

  resumeSchedule(schedule: ScheduleRef): this {
    this.mutations.push({ kind: 'resume_schedule', schedule })
    return this
  }

  setSchema(schema: TypeSchemaInput): this {
    this.mutations.push({ kind: 'set_schema', schema })
    return this
  }

  /** Changes a type, and what its entities hold. A commit with this does nothing else but alter and delete types. */
  alterType(type: string, steps: readonly AlterStep[]): this {
    this.mutations.push({ kind: 'alter_type', type, steps })
    return this
  }

  /** Deletes a type that has no entities. */
  deleteType(type: string): this {
    this.mutations.push({ kind: 'delete_type', type })
    return this
  }

  /** The field was last written by this revision. */
  ifRevision(entity: EntityRef, field: string, revision: number): this {
    this.conditions.push({ kind: 'revision', entityId: idOf(entity), field, revision })
    return this
  }

  /** The field holds this value. */
  ifValue(entity: EntityRef, field: string, value: ValueInput): this {
    this.conditions.push({ kind: 'value', entityId: idOf(entity), field, value })
    return this
  }

  ifExists(entity: EntityRef): this {
    this.conditions.push({ kind: 'exists', entityId: idOf(entity), exists: true })
    return this
  }

  ifAbsent(entity: EntityRef): this {
    this.conditions.push({ kind: 'exists', entityId: idOf(entity), exists: false })
    return this
  }
}
