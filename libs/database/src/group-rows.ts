import type { IndexKey } from '@qcore/model'
import type { ElementType } from './array-parameter.ts'
import { EventRows } from './event-rows.ts'
import { RowColumns } from './row-columns.ts'

export interface FieldRow {
  entityId: string
  fieldId: number
  /** Bytes of `Value`. */
  value: Uint8Array
  writeTimeUs: number
  writer: string
  revision: number
  key: IndexKey | undefined
}

/** An entity that was deleted, as it was. */
export interface TombstoneRow {
  entityId: string
  /** That of the deletion. */
  revision: number
  type: string
  name: string
  parentId: string
  createdRevision: number
  structureRevision: number
  place: string
}

/** What an entity was called, and where it was, until a revision. */
export interface FormerPlaceRow {
  entityId: string
  type: string
  parentId: string
  name: string
  place: string
  createdRevision: number
  sinceRevision: number
  /** That changed it. */
  revision: number
}

/** What is stored of an entity besides its fields, and may change. */
export interface EntityFacts {
  id: string
  name: string
  parentId: string
  depth: number
  place: string
  structureRevision: number
}

/** What the writer stores of a schedule. */
export interface ScheduleRow {
  id: string
  namespace: string
  name: string
  revision: number
  /** 1 active, 2 paused, 4 deleted. */
  state: number
  definition: Uint8Array
  ruleSpec: string
  /** JSON: a list of texts. */
  tags: string
  secret: Uint8Array | null
  writer: string
  createdUs: number
  changedUs: number
  planRevision: number
  plannedUs: number
  planUs: number | null
  idleUntilUs: number
  idleReason: string
  disabledReason: string
  isBound: boolean
  beginsFreely: boolean
}

/** What a schedule was made by one step of a commit. */
export interface ScheduleVersionRow {
  scheduleId: string
  revision: number
  /** Tells steps of one revision apart, in their order. */
  step: number
  /** As ScheduleVersionChange. */
  change: number
  state: number
  definition: Uint8Array
  ruleSpec: string
  disabledReason: string
  writer: string
  changedUs: number
}

/** Occurrences of a schedule that do not fire any more, of those that have not begun. */
export interface WithdrawnRow {
  scheduleId: string
  /** As OccurrenceState. */
  state: number
  reason: string
  /** When that was decided. */
  endedUs: number
  /** Only those after this one; -1: all. */
  afterUs: number
  /** One that stays; -1: none. */
  exceptUs: number
  /** Whether those go too that somebody asked for beyond the rule. */
  all: boolean
}

/** An occurrence to be fired. */
export interface PlannedRow {
  id: string
  scheduleId: string
  nominalUs: number
  dueUs: number
  scheduleRevision: number
  createdUs: number
}

/** Occurrences of a schedule that is not idle any more, which were to come when it was paused or disabled, and still are. */
export interface RevivedRow {
  scheduleId: string
  /** Only those that are due after this. */
  dueAfterUs: number
  /** Only those that were planned from this revision on. */
  sinceRevision: number
  scheduleRevision: number
  /** One that is planned besides; -1: none. */
  exceptUs: number
}

const scheduleTypes: readonly ElementType[] = [
  ...(['text', 'text', 'text', 'int8', 'int4', 'bytea', 'text', 'text', 'bytea'] as const),
  ...(['text', 'int8', 'int8', 'int8', 'int8', 'int8', 'int8', 'text', 'text', 'int4', 'int4'] as const),
]

/** A key of the configuration that is given a value, or deleted. */
export interface ConfigRow {
  key: string
  /** JSON as PostgreSQL writes it; undefined: the key is deleted. */
  text: string | undefined
  /** Microseconds since 1970; undefined: never. */
  expiresUs: number | undefined
  /** Of the configuration: ascending, without gaps. */
  configRevision: number
  revision: number
  author: string
}

/** What a group of commits writes: the net effect, at most one row a key. Meant to be filled again and again. */
export class GroupRows {
  readonly log = new RowColumns(['int8', 'int8', 'bytea'])
  readonly fields = new RowColumns(['text', 'int4', 'bytea', 'int8', 'text', 'int8', 'int8', 'float8', 'bytea'])
  readonly entities = new RowColumns(['text', 'text', 'text', 'text', 'int4', 'int8', 'text', 'int8'])
  readonly changedEntities = new RowColumns(['text', 'text', 'text', 'int4', 'text', 'int8'])
  readonly formerPlaces = new RowColumns(['text', 'text', 'text', 'text', 'text', 'int8', 'int8', 'int8'])
  readonly deletedEntities = new RowColumns(['text'])
  readonly tombstones = new RowColumns(['text', 'int8', 'text', 'text', 'text', 'int8', 'int8', 'text'])
  readonly references = new RowColumns(['text', 'text', 'int4'])
  readonly deletedReferences = new RowColumns(['text', 'text', 'int4'])
  readonly requests = new RowColumns(['text', 'int8', 'bytea', 'bytea'])
  readonly events = new EventRows()
  readonly schedules = new RowColumns(scheduleTypes)
  readonly scheduleVersions = new RowColumns([
    ...(['text', 'int8', 'int4', 'int4', 'int4', 'bytea', 'text', 'text', 'text', 'int8'] as const),
  ])
  readonly withdrawn = new RowColumns(['text', 'int4', 'text', 'int8', 'int8', 'int8', 'int4'])
  readonly planned = new RowColumns(['text', 'text', 'int8', 'int8', 'int8', 'int8'])
  readonly revived = new RowColumns(['text', 'int8', 'int8', 'int8', 'int8'])

  /** In the order of their revisions. */
  readonly config = new RowColumns(['text', 'text', 'int8', 'int8', 'int8', 'text'])

  addLog(revision: number, committedUs: number, record: Uint8Array): void {
    this.log.column(0).addInt8(revision)
    this.log.column(1).addInt8(committedUs)
    this.log.column(2).addBytes(record)
  }

  addField({ entityId, fieldId, value, writeTimeUs, writer, revision, key }: FieldRow): void {
    const { fields } = this
    fields.column(0).addText(entityId)
    fields.column(1).addInt4(fieldId)
    fields.column(2).addBytes(value)
    fields.column(3).addInt8(writeTimeUs)
    fields.column(4).addText(writer)
    fields.column(5).addInt8(revision)
    if (key?.kind === 'int') fields.column(6).addInt8(key.key)
    else fields.column(6).addNull()
    if (key?.kind === 'float') fields.column(7).addFloat8(key.key)
    else fields.column(7).addNull()
    if (key?.kind === 'text') fields.column(8).addBytes(key.key)
    else fields.column(8).addNull()
  }

  addEntity(row: EntityFacts & { type: string; createdRevision: number }): void {
    const { entities } = this
    entities.column(0).addText(row.id)
    entities.column(1).addText(row.type)
    entities.column(2).addText(row.name)
    entities.column(3).addText(row.parentId)
    entities.column(4).addInt4(row.depth)
    entities.column(5).addInt8(row.createdRevision)
    entities.column(6).addText(row.place)
    entities.column(7).addInt8(row.structureRevision)
  }

  /** An entity that was renamed or moved. */
  addChangedEntity(row: EntityFacts): void {
    const { changedEntities } = this
    changedEntities.column(0).addText(row.id)
    changedEntities.column(1).addText(row.name)
    changedEntities.column(2).addText(row.parentId)
    changedEntities.column(3).addInt4(row.depth)
    changedEntities.column(4).addText(row.place)
    changedEntities.column(5).addInt8(row.structureRevision)
  }

  /** Where an entity was that was renamed or moved. */
  addFormerPlace(row: FormerPlaceRow): void {
    const { formerPlaces } = this
    formerPlaces.column(0).addText(row.entityId)
    formerPlaces.column(1).addText(row.type)
    formerPlaces.column(2).addText(row.parentId)
    formerPlaces.column(3).addText(row.name)
    formerPlaces.column(4).addText(row.place)
    formerPlaces.column(5).addInt8(row.createdRevision)
    formerPlaces.column(6).addInt8(row.sinceRevision)
    formerPlaces.column(7).addInt8(row.revision)
  }

  /** An entity to delete, with its fields. */
  addDeletedEntity(entityId: string): void {
    this.deletedEntities.column(0).addText(entityId)
  }

  /** What an entity was that a revision deleted. */
  addTombstone(row: TombstoneRow): void {
    const { tombstones } = this
    tombstones.column(0).addText(row.entityId)
    tombstones.column(1).addInt8(row.revision)
    tombstones.column(2).addText(row.type)
    tombstones.column(3).addText(row.name)
    tombstones.column(4).addText(row.parentId)
    tombstones.column(5).addInt8(row.createdRevision)
    tombstones.column(6).addInt8(row.structureRevision)
    tombstones.column(7).addText(row.place)
  }

  addReference(targetId: string, entityId: string, fieldId: number): void {
    fillReference(this.references, targetId, entityId, fieldId)
  }

  addDeletedReference(targetId: string, entityId: string, fieldId: number): void {
    fillReference(this.deletedReferences, targetId, entityId, fieldId)
  }

  /** Fingerprint and response are bytes as text, a character each. */
  addRequest(request: { key: string; revision: number; fingerprint: string; response: string }): void {
    this.requests.column(0).addText(request.key)
    this.requests.column(1).addInt8(request.revision)
    this.requests.column(2).addLatin1(request.fingerprint)
    this.requests.column(3).addLatin1(request.response)
  }

  addSchedule(row: ScheduleRow): void {
    const { schedules } = this
    schedules.column(0).addText(row.id)
    schedules.column(1).addText(row.namespace)
    schedules.column(2).addText(row.name)
    schedules.column(3).addInt8(row.revision)
    schedules.column(4).addInt4(row.state)
    schedules.column(5).addBytes(row.definition)
    schedules.column(6).addText(row.ruleSpec)
    schedules.column(7).addText(row.tags)
    if (row.secret === null) schedules.column(8).addNull()
    else schedules.column(8).addBytes(row.secret)
    schedules.column(9).addText(row.writer)
    schedules.column(10).addInt8(row.createdUs)
    schedules.column(11).addInt8(row.changedUs)
    schedules.column(12).addInt8(row.planRevision)
    schedules.column(13).addInt8(row.plannedUs)
    if (row.planUs === null) schedules.column(14).addNull()
    else schedules.column(14).addInt8(row.planUs)
    schedules.column(15).addInt8(row.idleUntilUs)
    schedules.column(16).addText(row.idleReason)
    schedules.column(17).addText(row.disabledReason)
    schedules.column(18).addInt4(row.isBound ? 1 : 0)
    schedules.column(19).addInt4(row.beginsFreely ? 1 : 0)
  }

  addScheduleVersion(row: ScheduleVersionRow): void {
    const { scheduleVersions } = this
    scheduleVersions.column(0).addText(row.scheduleId)
    scheduleVersions.column(1).addInt8(row.revision)
    scheduleVersions.column(2).addInt4(row.step)
    scheduleVersions.column(3).addInt4(row.change)
    scheduleVersions.column(4).addInt4(row.state)
    scheduleVersions.column(5).addBytes(row.definition)
    scheduleVersions.column(6).addText(row.ruleSpec)
    scheduleVersions.column(7).addText(row.disabledReason)
    scheduleVersions.column(8).addText(row.writer)
    scheduleVersions.column(9).addInt8(row.changedUs)
  }

  addWithdrawn(row: WithdrawnRow): void {
    const { withdrawn } = this
    withdrawn.column(0).addText(row.scheduleId)
    withdrawn.column(1).addInt4(row.state)
    withdrawn.column(2).addText(row.reason)
    withdrawn.column(3).addInt8(row.endedUs)
    withdrawn.column(4).addInt8(row.afterUs)
    withdrawn.column(5).addInt8(row.exceptUs)
    withdrawn.column(6).addInt4(row.all ? 1 : 0)
  }

  addPlanned(row: PlannedRow): void {
    const { planned } = this
    planned.column(0).addText(row.id)
    planned.column(1).addText(row.scheduleId)
    planned.column(2).addInt8(row.nominalUs)
    planned.column(3).addInt8(row.dueUs)
    planned.column(4).addInt8(row.scheduleRevision)
    planned.column(5).addInt8(row.createdUs)
  }

  addRevived(row: RevivedRow): void {
    const { revived } = this
    revived.column(0).addText(row.scheduleId)
    revived.column(1).addInt8(row.dueAfterUs)
    revived.column(2).addInt8(row.sinceRevision)
    revived.column(3).addInt8(row.scheduleRevision)
    revived.column(4).addInt8(row.exceptUs)
  }

  addConfig({ key, text, expiresUs, configRevision, revision, author }: ConfigRow): void {
    const { config } = this
    config.column(0).addText(key)
    if (text === undefined) config.column(1).addNull()
    else config.column(1).addText(text)
    if (expiresUs === undefined) config.column(2).addNull()
    else config.column(2).addInt8(expiresUs)
    config.column(3).addInt8(configRevision)
    config.column(4).addInt8(revision)
    config.column(5).addText(author)
  }

  /** Takes all rows out. */
  reset(): void {
    this.events.reset()
    for (const rows of Object.values(this)) if (rows instanceof RowColumns) rows.reset()
  }

  /** Takes out what was added of entities, former places and tombstones apart. */
  resetEntities(): void {
    const { fields, entities, changedEntities, deletedEntities, references, deletedReferences } = this
    for (const rows of [fields, entities, changedEntities, deletedEntities, references, deletedReferences]) rows.reset()
  }
}

function fillReference(rows: RowColumns, targetId: string, entityId: string, fieldId: number): void {
  rows.column(0).addText(targetId)
  rows.column(1).addText(entityId)
  rows.column(2).addInt4(fieldId)
}
