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

/** Whose history is listed. */
export interface Subject {
  readonly entityId: string
  readonly type: string
  /** Empty: all fields, and the entity itself. */
  readonly field: string
}

/** What a commit did to a subject. */
export interface CommitEffect {
  readonly revision: number
  readonly commitTimeUs: number
  readonly writer: string
  readonly changes: readonly Change[]
  /** About how many bytes the changes take. */
  readonly bytes: number
  /** By field: the revision that wrote what it held before; under the empty name, the one that put the entity where it was. */
  readonly earlier: ReadonlyMap<string, number>
}

interface ChangeEffect {
  readonly kind: Change['kind']
  readonly earlier?: readonly (readonly [field: string, revision: number])[]
}

/** What a commit did to a subject; undefined: nothing. */
export function commitEffect(record: LogRecord, subject: Subject): CommitEffect | undefined {
  const effects = record.changes.flatMap((change) => {
    const effect = effectOf(change, subject)
    return effect === undefined ? [] : [{ ...effect, bytes: change.bytes.length }]
  })
  if (effects.length === 0) return undefined
  return {
    revision: record.revision,
    commitTimeUs: record.commitTimeUs,
    writer: record.writer,
    changes: effects.map(({ kind }) => create(ChangeSchema, { kind })),
    bytes: effects.reduce((sum, { bytes }) => sum + bytes, 0),
    earlier: new Map(effects.flatMap(({ earlier = [] }) => earlier)),
  }
}

function effectOf(change: ChangeOutline, { entityId, type, field }: Subject): ChangeEffect | undefined {
  const isWanted = ({ name }: { name: string }): boolean => field === '' || name === field
  if (change.kind === 'other') return undefined
  if (change.kind === 'schema_changed') {
    const value = decodeSchemaChanged(change)
    const concerns = typeOfChange(value) === type && changedFields(value).some(isWanted)
    return concerns ? { kind: { case: 'schemaChanged', value } } : undefined
  }
  if (change.entityId !== entityId) return undefined
  switch (change.kind) {
    case 'field_changed': {
      if (!isWanted(change)) return undefined
      const value = decodeFieldChange(change)
      const earlier = value.previous === undefined ? [] : [[change.name, Number(value.previous.revision)] as const]
      return { kind: { case: 'fieldChanged', value }, earlier }
    }
    case 'entity_changed': {
      if (field !== '') return undefined
      const value = decodeEntityChanged(change)
      return { kind: { case: 'entityChanged', value }, earlier: [['', structureRevision(value.previous)]] }
    }
    case 'entity_created': {
      const value = decodeEntityCreated(change)
      value.fields = value.fields.filter(isWanted)
      if (field !== '' && value.fields.length === 0) return undefined
      return { kind: { case: 'entityCreated', value } }
    }
    case 'entity_deleted': {
      const value = decodeEntityDeleted(change)
      value.fields = value.fields.filter(isWanted)
      const earlier = value.fields.map(({ name, revision }): readonly [string, number] => [name, Number(revision)])
      if (field === '') earlier.push(['', structureRevision(value.entity)])
      if (field !== '' && value.fields.length === 0) return undefined
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
