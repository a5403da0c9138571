import { fromBinary } from '@bufbuild/protobuf'
import { PutScheduleSchema, type BoundField, type ScheduleBindings } from '@qcore/contracts'

/** The parts of a schedule that a field may say. */
export const boundParts = ['rule', 'timezone', 'paused', 'payload'] as const
export type BoundPart = (typeof boundParts)[number]

/** What a field says of a schedule. */
export interface Binding {
  readonly part: BoundPart
  readonly entityId: string
  readonly field: string
}

/** The bindings of a schedule, as they are in its definition. */
export function bindingsOf(bindings: ScheduleBindings | undefined): Binding[] {
  if (bindings === undefined) return []
  return boundParts.flatMap((part) => {
    const bound: BoundField | undefined = bindings[part]
    return bound === undefined ? [] : [{ part, entityId: bound.entityId, field: bound.field }]
  })
}

/** The fields that schedules depend on: of every entity that has such fields, by their names, the schedules. */
export class BoundFields {
  readonly #entities = new Map<string, Map<string, Set<string>>>()
  readonly #schedules = new Map<string, readonly Binding[]>()

  get isEmpty(): boolean {
    return this.#schedules.size === 0
  }

  /** Empties it, and takes in the schedules that have bindings. */
  restart(schedules: readonly { id: string; definition: Uint8Array }[]): void {
    this.#entities.clear()
    this.#schedules.clear()
    for (const { id, definition } of schedules)
      this.set(id, bindingsOf(fromBinary(PutScheduleSchema, definition).bindings))
  }

  /** Takes in what a schedule depends on now. */
  set(scheduleId: string, bindings: readonly Binding[]): void {
    for (const { entityId, field } of this.#schedules.get(scheduleId) ?? []) this.#forget(scheduleId, entityId, field)
    if (bindings.length === 0) {
      this.#schedules.delete(scheduleId)
      return
    }
    this.#schedules.set(scheduleId, bindings)
    for (const { entityId, field } of bindings) {
      let fields = this.#entities.get(entityId)
      if (fields === undefined) this.#entities.set(entityId, (fields = new Map()))
      let schedules = fields.get(field)
      if (schedules === undefined) fields.set(field, (schedules = new Set()))
      schedules.add(scheduleId)
    }
  }

  /** The schedules that depend on a field. */
  ofField(entityId: string, field: string): Iterable<string> {
    return this.#entities.get(entityId)?.get(field) ?? []
  }

  /** The schedules that depend on any field of an entity. */
  *ofEntity(entityId: string): Generator<string> {
    for (const schedules of this.#entities.get(entityId)?.values() ?? []) yield* schedules
  }

  #forget(scheduleId: string, entityId: string, field: string): void {
    const fields = this.#entities.get(entityId)
    const schedules = fields?.get(field)
    schedules?.delete(scheduleId)
    if (schedules?.size === 0) fields?.delete(field)
    if (fields?.size === 0) this.#entities.delete(entityId)
  }
}
