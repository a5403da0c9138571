import { create } from '@bufbuild/protobuf'
import {
  StructureChangeSchema,
  StructureKind,
  type Entity,
  type Notification,
  type StructureChange,
} from '@qcore/contracts'
import type { CelInput } from '@qcore/expression'
import type { Grants } from '@qcore/model'
import { decodeEntityChanged, decodeEntityCreated, decodeEntityDeleted, type ChangeOutline } from '@qcore/replica'
import { seenType, type SeenTypes } from '../notify/seen-types.ts'
import { structureKey, type FilterInputs, type LookUp, type NotifiedChange } from './notified-change.ts'

/** Two entities of short names and long ids, with their tags. */
const structureBytes = 640

type EntityChange = Extract<ChangeOutline, { kind: 'entity_created' | 'entity_deleted' | 'entity_changed' }>

/** An entity was created, deleted, moved or renamed, or one of its children has another place. */
export class StructureEvent implements NotifiedChange {
  readonly entityId: string
  readonly changed = true
  readonly kinds: readonly StructureKind[]
  readonly #change: EntityChange
  #message: StructureChange | undefined

  constructor(entityId: string, kinds: readonly StructureKind[], change: EntityChange) {
    this.entityId = entityId
    this.kinds = kinds
    this.#change = change
  }

  get lookUps(): readonly LookUp[] {
    const { type } = this.#change
    const isOfChild = this.entityId !== this.#change.entityId
    return this.kinds.map(structureKey).flatMap((field): LookUp[] => {
      const ofEntity: LookUp = { kind: 'entity', target: this.entityId, field }
      return isOfChild ? [ofEntity] : [ofEntity, { kind: 'type', target: type, field }]
    })
  }

  get filterInputs(): FilterInputs {
    const { current, previous } = this.#decoded()
    return { current: celFromEntity(current), previous: celFromEntity(previous), field: '' }
  }

  fill(message: Notification): number {
    message.event = { case: 'structure', value: this.#decoded() }
    return structureBytes + 3 * ((message.event.value.current?.name ?? '').length + this.#change.name.length)
  }

  isVisible(seen: SeenTypes, grants: Grants): boolean {
    return grants.hasAll || seenType(seen, this.#change.type, grants) !== undefined
  }

  #decoded(): StructureChange {
    return (this.#message ??= create(StructureChangeSchema, {
      kinds: [...this.kinds],
      entityId: this.entityId,
      ...entitiesOf(this.#change),
    }))
  }
}

/** What a change of a commit did to structure. */
export function structureEvents(change: ChangeOutline): StructureEvent[] {
  switch (change.kind) {
    case 'entity_created':
      return [new StructureEvent(change.entityId, [StructureKind.CREATED], change)]
    case 'entity_deleted':
      return [new StructureEvent(change.entityId, [StructureKind.DELETED], change)]
    case 'entity_changed': {
      const { entityId, parentId, previous } = change
      const kinds: StructureKind[] = []
      if (parentId !== previous.parentId) kinds.push(StructureKind.MOVED)
      if (change.name !== previous.name) kinds.push(StructureKind.RENAMED)
      const events = kinds.length === 0 ? [] : [new StructureEvent(entityId, kinds, change)]
      if (parentId === previous.parentId && change.place !== previous.place) {
        events.push(new StructureEvent(parentId, [StructureKind.CHILDREN_REORDERED], change))
      }
      return events
    }
    default:
      return []
  }
}

function entitiesOf(change: EntityChange): { current?: Entity; previous?: Entity } {
  switch (change.kind) {
    case 'entity_created': {
      const { entity } = decodeEntityCreated(change)
      return entity === undefined ? {} : { current: entity }
    }
    case 'entity_deleted': {
      const { entity } = decodeEntityDeleted(change)
      return entity === undefined ? {} : { previous: entity }
    }
    case 'entity_changed': {
      const { entity, previous } = decodeEntityChanged(change)
      return { ...(entity && { current: entity }), ...(previous && { previous }) }
    }
  }
}

function celFromEntity(entity: Entity | undefined): CelInput {
  if (entity === undefined) return null
  const { id, type, name, parentId } = entity
  return new Map([
    ['id', id],
    ['type', type],
    ['name', name],
    ['parent_id', parentId],
  ])
}
