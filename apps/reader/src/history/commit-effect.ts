import { create } from '@bufbuild/protobuf'
import { ChangeSchema, type Change, type Entity, type FieldDefinition, type SchemaChanged } from '@qcore/contracts'
import {
  decodeEntityChanged,
  decodeEntityCreated,
  decodeEntityDeleted,
  decodeFieldChange,
  decodeSchemaChanged,
  typeOfChange,
  type ChangeOutline,
  type LogRecord,
} from '@qcore/replica'
import type { FieldFilter } from './field-filter.ts'

/** Whose history is listed. */
export interface Subject {
  readonly entityId: string
  readonly type: string
  readonly fields: FieldFilter
  /** Whether the entity itself is meant, too. */
  readonly isWhole: boolean
}

/** What a commit did to a subject. */
export interface CommitEffect {
  readonly revision: number
  readonly commitTimeUs: number
  readonly writer: string
  readonly changes: readonly Change[]
  /** About how many bytes the changes take. */
  readonly bytes: number
  /** The revisions that wrote what it changed: fields, and where the entity was. */
  readonly earlier: readonly number[]
}

interface ChangeEffect {
  readonly kind: Change['kind']
  readonly earlier?: readonly number[]
}

/** What a commit did to a subject; undefined: nothing. */
export function commitEffect(record: LogRecord, subject: Subject): CommitEffect | undefined {
  const begun = record.changes.find((change) => isOwn(change, subject))
  let isAlive = begun?.kind !== 'entity_created'
  const effects = record.changes.flatMap((change) => {
    if (isOwn(change, subject)) isAlive = change.kind !== 'entity_deleted'
    // What became of its type before it was made, or since it is gone, is no matter of the entity.
    if (change.kind === 'schema_changed' && !isAlive) return []
    const effect = effectOf(change, record.revision, subject)
    return effect === undefined ? [] : [{ ...effect, bytes: change.bytes.length }]
  })
  if (effects.length === 0) return undefined
  return {
    revision: record.revision,
    commitTimeUs: record.commitTimeUs,
    writer: record.writer,
    changes: effects.map(({ kind }) => create(ChangeSchema, { kind })),
    bytes: effects.reduce((sum, { bytes }) => sum + bytes, 0),
    earlier: effects.flatMap(({ earlier = [] }) => earlier),
  }
}

function isOwn(change: ChangeOutline, { entityId }: Subject): boolean {
  return change.kind !== 'other' && change.kind !== 'schema_changed' && change.entityId === entityId
}

function effectOf(
  change: ChangeOutline,
  revision: number,
  { entityId, type, fields, isWhole }: Subject,
): ChangeEffect | undefined {
  const isWanted = ({ name }: { name: string }): boolean => fields.has(type, revision, name)
  if (change.kind === 'other') return undefined
  if (change.kind === 'schema_changed') {
    const value = decodeSchemaChanged(change)
    const concerns = typeOfChange(value) === type && changedFields(value).some(({ id }) => fields.hasId(id))
    return concerns ? { kind: { case: 'schemaChanged', value } } : undefined
  }
  if (change.entityId !== entityId) return undefined
  switch (change.kind) {
    case 'field_changed': {
      if (!isWanted(change)) return undefined
      const value = decodeFieldChange(change)
      const earlier = value.previous === undefined ? [] : [Number(value.previous.revision)]
      return { kind: { case: 'fieldChanged', value }, earlier }
    }
    case 'entity_changed': {
      if (!isWhole) return undefined
      const value = decodeEntityChanged(change)
      return { kind: { case: 'entityChanged', value }, earlier: [structureRevision(value.previous)] }
    }
    case 'entity_created': {
      const value = decodeEntityCreated(change)
      value.fields = value.fields.filter(isWanted)
      if (!isWhole && value.fields.length === 0) return undefined
      return { kind: { case: 'entityCreated', value } }
    }
    case 'entity_deleted': {
      const value = decodeEntityDeleted(change)
      value.fields = value.fields.filter(isWanted)
      if (!isWhole && value.fields.length === 0) return undefined
      const earlier = value.fields.map((field) => Number(field.revision))
      if (isWhole) earlier.push(structureRevision(value.entity))
      return { kind: { case: 'entityDeleted', value }, earlier }
    }
  }
}

/** The fields that a change of a type added, removed, renamed or retyped: as they are, and as they were. */
function changedFields({ schema, previous }: SchemaChanged): FieldDefinition[] {
  const now = new Map(schema?.fields.map(({ id, name }) => [id, name]))
  const before = new Map(previous?.fields.map(({ id, name }) => [id, name]))
  return [...(schema?.fields ?? []), ...(previous?.fields ?? [])].filter(({ id }) => now.get(id) !== before.get(id))
}

function structureRevision(entity: Entity | undefined): number {
  // Records of before there were renames do not say it.
  return Math.max(Number(entity?.structureRevision ?? 0n), Number(entity?.createdRevision ?? 0n))
}
