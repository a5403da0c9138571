import type { ConfigRow, EventKeyRow, FormerPlaceRow, TombstoneRow } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { Mutation } from '@qcore/contracts'
import type { Alteration, FieldModel, TypeModel } from '@qcore/model'
import type { Child } from '@qcore/replica'
import type { BoundFields } from '../schedule/schedule-bindings.ts'
import type { ScheduleFacts, ScheduleStep } from '../schedule/schedule-facts.ts'
import { ScheduleState } from '../schedule/schedule-state.ts'
import type { PresentConfig, PresentEntry } from '@qcore/sync-config'
import { ConfigState } from '../configuration/config-state.ts'
import { EventState } from '../event/event-state.ts'
import { TransformationBudget } from '../transformation/transformation-budget.ts'
import type { AlterationScan } from './alteration-scan.ts'
import { sizeOfEntity, type HotEntity } from './hot-entity.ts'
import { noStructureLoaded, StructureState, type StructureLoad } from './structure-state.ts'
import type { WorkingSet } from './working-set.ts'

/** A field of an entity that may refer to another one. */
export interface Holder {
  readonly entityId: string
  readonly fieldId: number
}

/** What was loaded for a group, beside the working set. */
export interface GroupLoad {
  /** Undefined: there is no such entity. */
  readonly entities: Map<string, HotEntity | undefined>
  /** The children of the entities that are to be deleted, and of their descendants. */
  readonly children: Map<string, string[]>
  /** The children of entities that paths go through; null: too many to look through. */
  readonly childLists: Map<string, readonly Child[] | null>
  /** The fields that refer to them. */
  readonly holders: Map<string, Holder[]>
  /** Whether there are more of these than one commit may delete. */
  readonly isTruncated: boolean
  readonly structure: StructureLoad
  /** The keys that events were emitted with, of those that commits name. */
  readonly eventKeys: readonly EventKeyRow[]
  /** What there is of the types that the first commit alters or deletes. */
  readonly scans: Map<Mutation, AlterationScan>
  /** The schedules that commits name. */
  readonly schedules: readonly ScheduleFacts[]
  /** Undefined: no commit changes the configuration. */
  readonly config: PresentConfig | undefined
}

/** What a group begins with before anything is loaded. */
export function nothingLoaded(): GroupLoad {
  return {
    entities: new Map(),
    children: new Map(),
    childLists: new Map(),
    holders: new Map(),
    isTruncated: false,
    structure: noStructureLoaded(),
    scans: new Map(),
    eventKeys: [],
    schedules: [],
    config: undefined,
  }
}

/** A field that a commit added to a type. */
export interface AddedFields {
  readonly model: TypeModel
  readonly fields: readonly FieldModel[]
  readonly revision: number
  readonly timeUs: number
  readonly writer: string
}

/**
 * The store as the commits of a group see it: the working set and what was loaded, under what the group has changed.
 * A commit that fails is rolled back alone.
 */
export class GroupState {
  readonly changedTypes = new Map<string, TypeModel>()
  /** The entities that commits deleted, also those that the group itself created, or that exist again. */
  readonly tombstones: TombstoneRow[] = []
  /** Where the entities were that commits renamed or moved. */
  readonly formerPlaces: FormerPlaceRow[] = []
  readonly addedFields: AddedFields[] = []
  /** Types that commits altered, or deleted: such a group changes nothing of entities but the root. */
  readonly alterations: Alteration[] = []
  readonly deletedTypes: TypeModel[] = []
  readonly events = new EventState()
  nextFieldId: number
  readonly isTruncated: boolean
  readonly structure: StructureState
  readonly schedules = new ScheduleState()
  readonly transformations = new TransformationBudget()
  /** Undefined: no commit changes the configuration. */
  readonly config: ConfigState | undefined
  readonly #workingSet: WorkingSet
  readonly #load: GroupLoad
  readonly #changedEntities = new Map<string, HotEntity | null>()
  readonly #newChildren = new Map<string, string[]>()
  readonly #newHolders = new Map<string, Holder[]>()
  readonly #undo: (() => void)[] = []
  #isRestricted: boolean | undefined
  #changesAgain = 0
  /** What `#changedEntities` held, of those that the present commit has changed. */
  readonly #before = new Map<string, HotEntity | null | undefined>()

  constructor(workingSet: WorkingSet, load: GroupLoad, nextFieldId: number) {
    this.#workingSet = workingSet
    this.#load = load
    this.nextFieldId = nextFieldId
    this.isTruncated = load.isTruncated
    this.schedules.addStored(load.schedules)
    this.config = load.config === undefined ? undefined : new ConfigState(load.config)
    this.events.addStoredKeys(load.eventKeys)
    this.structure = new StructureState(load.structure, (id) => this.entity(id))
  }

  /** Adds what was loaded later. */
  addLoad({ entities, structure, eventKeys, schedules }: GroupLoad): void {
    this.events.addStoredKeys(eventKeys)
    this.schedules.addStored(schedules)
    for (const [id, entity] of entities) this.#load.entities.set(id, entity)
    this.structure.addLoad(structure)
  }

  /** The entity as it is now. */
  entity(id: string): HotEntity | undefined {
    const changed = this.#changedEntities.get(id)
    return this.#withAddedFields(changed === undefined ? this.storedEntity(id) : (changed ?? undefined))
  }

  /** The entity as it was before the group. */
  storedEntity(id: string): HotEntity | undefined {
    return this.#workingSet.entities.get(id) ?? this.#load.entities.get(id)
  }

  /** The ids of the entities that the group has changed, in the order in which they were first changed. */
  changedIds(): Iterable<string> {
    return this.#changedEntities.keys()
  }

  /** How often a commit changed an entity that an earlier one of the group had changed. */
  get changesAgain(): number {
    return this.#changesAgain
  }

  /** The entities that were loaded for the group, and that it has not changed. */
  *loadedEntities(): Generator<HotEntity> {
    for (const [id, entity] of this.#load.entities) {
      if (entity !== undefined && !this.#changedEntities.has(id)) yield entity
    }
  }

  /** The entity as it was before the present commit. */
  entityBeforeCommit(id: string): HotEntity | undefined {
    if (!this.#before.has(id)) return this.entity(id)
    const before = this.#before.get(id)
    return before === undefined ? this.storedEntity(id) : (before ?? undefined)
  }

  type(name: string): TypeModel | undefined {
    if (this.deletedTypes.length > 0 && this.deletedTypes.some((type) => type.name === name)) return undefined
    return this.changedTypes.get(name) ?? this.storedType(name)
  }

  /** The fields that schedules depend on, as of before the group. */
  get boundFields(): BoundFields {
    return this.#workingSet.boundFields
  }

  /** Whether a namespace of events is registered. */
  hasNamespace(name: string): boolean {
    return this.#workingSet.namespaces.has(name)
  }

  /** Does something to a schedule. */
  takeScheduleStep(step: ScheduleStep): void {
    this.#undo.push(this.schedules.take(step))
  }

  /** Identifies the configuration. */
  get configId(): string {
    return this.#loadedConfig().id
  }

  /** A key of the configuration as it is now. */
  configEntry(key: string): PresentEntry | undefined {
    return this.#loadedConfig().entry(key)
  }

  /** Changes a key of the configuration; returns the revision of that. */
  changeConfig(row: Omit<ConfigRow, 'configRevision'>): number {
    const { configRevision, undo } = this.#loadedConfig().change(row)
    this.#undo.push(undo)
    return configRevision
  }

  /** The type as it was before the group. */
  storedType(name: string): TypeModel | undefined {
    return this.#workingSet.types.get(name)
  }

  /** What was found for a mutation that alters or deletes a type. */
  scanOf(mutation: Mutation): AlterationScan | undefined {
    return this.#load.scans.get(mutation)
  }

  /** Whether the group changes what entities of a type hold, beyond adding fields. */
  isAltered(type: string): boolean {
    return this.alterations.some(({ previous }) => previous.name === type)
  }

  alterType(alteration: Alteration): void {
    const { length } = this.alterations
    this.#undo.push(() => this.alterations.splice(length))
    this.alterations.push(alteration)
    this.setType(alteration.model)
    for (const { id } of alteration.model.fields) this.nextFieldId = Math.max(this.nextFieldId, id + 1)
  }

  deleteType(model: TypeModel): void {
    const { length } = this.deletedTypes
    this.#undo.push(() => this.deletedTypes.splice(length))
    this.deletedTypes.push(model)
  }

  get(name: string): TypeModel | undefined {
    return this.type(name)
  }

  /** Whether any type, or field, asks for a permission. */
  get isRestricted(): boolean {
    this.#isRestricted ??= [...this.#workingSet.types.values(), ...this.changedTypes.values()].some(
      (model) => model.isRestricted,
    )
    return this.#isRestricted
  }

  /** The type of an entity that exists. */
  typeOf(entity: HotEntity): TypeModel {
    const model = this.type(entity.type)
    if (model === undefined) throw new Error(`the type ${entity.type} is missing`)
    return model
  }

  /** Stores an entity; null deletes it. */
  setEntity(id: string, entity: HotEntity | null): void {
    if (!this.#before.has(id)) {
      const before = this.#changedEntities.get(id)
      if (before !== undefined) this.#changesAgain++
      this.#before.set(id, before)
    }
    this.#changedEntities.set(id, entity)
  }

  /** Stores an entity that is new in the tree. */
  addEntity(entity: HotEntity): void {
    this.setEntity(entity.id, entity)
    listIn(this.#newChildren, entity.parentId).push(entity.id)
  }

  /** Deletes an entity. What the present commit created itself leaves no trace: no revision had it. */
  deleteEntity(id: string, revision: number): void {
    const before = this.entityBeforeCommit(id)
    this.setEntity(id, null)
    if (before === undefined) return
    const { length } = this.tombstones
    this.#undo.push(() => this.tombstones.splice(length))
    this.tombstones.push({ ...before, entityId: id, revision })
  }

  /** Stores an entity that a revision gave another name, parent or place. */
  replaceEntity(entity: HotEntity): void {
    const { id: entityId, structureRevision: revision } = entity
    const before = this.entityBeforeCommit(entityId)
    if (before !== undefined && this.entity(entityId)?.structureRevision !== revision) {
      const { length } = this.formerPlaces
      this.#undo.push(() => this.formerPlaces.splice(length))
      this.formerPlaces.push({ ...before, entityId, sinceRevision: before.structureRevision, revision })
    }
    this.setEntity(entityId, entity)
    listIn(this.#newChildren, entity.parentId).push(entityId)
  }

  /** Remembers that a field was given a value that refers to an entity. */
  addHolder(targetId: string, holder: Holder): void {
    listIn(this.#newHolders, targetId).push(holder)
  }

  /** Whether it is known what there is of an entity; if not, it has to be loaded. */
  knows(id: string): boolean {
    return this.#changedEntities.has(id) || this.#workingSet.entities.has(id) || this.#load.entities.has(id)
  }

  /** The children of an entity, in no order. Undefined: they have to be loaded. Null: too many to look through. */
  childrenNow(id: string): Child[] | null | undefined {
    const stored = this.storedEntity(id) === undefined ? [] : this.#load.childLists.get(id)
    if (stored === undefined || stored === null) return stored
    const unchanged = stored.filter((child) => !this.#changedEntities.has(child.id))
    const candidates = new Set([...stored.map((child) => child.id), ...(this.#newChildren.get(id) ?? [])])
    const changed = [...candidates].flatMap((childId) => this.#changedEntities.get(childId) ?? [])
    return [...unchanged, ...changed.filter(({ parentId }) => parentId === id)]
  }

  /** The ids of the children of an entity that is to be deleted. */
  children(id: string): string[] {
    const known = [...(this.#load.children.get(id) ?? []), ...(this.#newChildren.get(id) ?? [])]
    return [...new Set(known)].filter((childId) => this.entity(childId)?.parentId === id)
  }

  /** The fields that refer, or once referred, to an entity that is to be deleted. */
  holders(id: string): Holder[] {
    return [...(this.#load.holders.get(id) ?? []), ...(this.#newHolders.get(id) ?? [])]
  }

  setType(model: TypeModel): void {
    const before = this.changedTypes.get(model.name)
    const { nextFieldId } = this
    this.#undo.push(() => {
      if (before === undefined) this.changedTypes.delete(model.name)
      else this.changedTypes.set(model.name, before)
      this.nextFieldId = nextFieldId
      this.#isRestricted = undefined
    })
    this.changedTypes.set(model.name, model)
    this.#isRestricted = undefined
  }

  /** Remembers fields that existing entities get a row for. */
  addFields(added: AddedFields): void {
    const { length } = this.addedFields
    this.#undo.push(() => this.addedFields.splice(length))
    this.addedFields.push(added)
  }

  #loadedConfig(): ConfigState {
    if (this.config === undefined) throw new Error('the configuration was not loaded')
    return this.config
  }

  beginCommit(): void {
    this.transformations.beginCommit()
    this.events.beginCommit()
    this.#undo.length = 0
    this.#before.clear()
  }

  /** An entity with the fields that the group has added to its type, whether or not it has been written since. */
  #withAddedFields(entity: HotEntity | undefined): HotEntity | undefined {
    if (entity === undefined || this.addedFields.length === 0) return entity
    let { fields } = entity
    for (const { model, fields: added, revision, timeUs: writeTimeUs, writer } of this.addedFields) {
      if (model.name !== entity.type || fields.length > (added[0]?.position ?? 0)) continue
      fields = [...fields, ...added.map(({ defaultValue: value }) => ({ value, writeTimeUs, writer, revision }))]
    }
    return fields === entity.fields ? entity : { ...entity, fields, bytes: sizeOfEntity({ name: entity.name, fields }) }
  }

  /** Takes back what the present commit did. */
  rollBack(): void {
    for (const undo of this.#undo.reverse()) undo()
    this.events.rollBack()
    for (const [id, before] of this.#before) {
      if (before === undefined) this.#changedEntities.delete(id)
      else this.#changedEntities.set(id, before)
    }
    this.beginCommit()
  }
}

/**
 * An entity that must exist.
 *
 * @throws QError `unknown_entity`
 */
export function existingEntity(state: GroupState, id: string, path: string): HotEntity {
  const entity = state.entity(id)
  if (entity === undefined) throw new QError('unknown_entity', `there is no entity ${id}`, { field: path })
  return entity
}

/**
 * A field that must exist.
 *
 * @throws QError `unknown_field`
 */
export function existingField(model: TypeModel, name: string, path: string): FieldModel {
  const field = model.fieldsByName.get(name)
  if (field === undefined) {
    throw new QError('unknown_field', `the type ${model.name} has no field ${name}`, { field: path })
  }
  return field
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  let list = lists.get(key)
  if (list === undefined) lists.set(key, (list = []))
  return list
}
