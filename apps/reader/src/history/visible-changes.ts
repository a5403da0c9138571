import { create } from '@bufbuild/protobuf'
import {
  ChangeSchema,
  SchemaChangedSchema,
  type Change,
  type FieldState,
  type SchemaChanged,
  type TypeSchema,
} from '@qcore/contracts'
import type { Incarnation } from '@qcore/database'
import { typeModelFromSchema, visiblePastType, type Grants, type TypeModel } from '@qcore/model'
import type { TypeHistory, TypeRegistry } from '@qcore/replica'
import type { CommitEffect } from './commit-effect.ts'

/** What a caller may see of what happened: by what is asked for now, and by what was asked for then. */
export interface HistoryView {
  readonly grants: Grants
  readonly present: TypeRegistry
  readonly history: TypeHistory
}

/** Whether a caller may see that there is, or was, an entity. */
export function isVisibleIncarnation(
  { type, createdRevision, deletedRevision }: Incarnation,
  view: HistoryView,
): boolean {
  const { grants, present, history } = view
  if (grants.hasAll) return true
  const now = present.get(type)
  if (now !== undefined && visiblePastType(now, now, grants) === undefined) return false
  const last = deletedRevision === null ? now : history.at(type, Math.max(createdRevision, deletedRevision - 1))
  // Nothing tells who might see the entities of a type that is gone: where anything is restricted, only who sees all.
  return last === undefined ? !present.isRestricted : visiblePastType(last, now, grants) !== undefined
}

/** Whether a type has, or had, a field that a caller may see. */
export function hasVisibleField(type: string, field: string, { grants, present, history }: HistoryView): boolean {
  const versions = history.versionsOf(type)
  if (versions.length === 0) return true
  return versions.some(
    ({ model }) => visiblePastType(model, present.get(type), grants)?.fieldsByName.has(field) === true,
  )
}

/** What a caller may see of changes: not those of fields that it may not see, nor what it may not see in the others. */
export function visibleChanges({ changes, revision }: CommitEffect, view: HistoryView): readonly Change[] {
  if (view.grants.hasAll) return changes
  return changes.flatMap((change) => visibleChange(change, revision, view) ?? [])
}

function visibleChange(change: Change, revision: number, view: HistoryView): Change | undefined {
  const { kind } = change
  switch (kind.case) {
    case 'fieldChanged': {
      const type = typeThen(kind.value.entityType, revision, view)
      return type?.fieldsByName.has(kind.value.name) === true ? change : undefined
    }
    case 'entityCreated': {
      const fields = visibleFields(kind.value.fields, typeThen(kind.value.entity?.type, revision, view))
      return fields && create(ChangeSchema, { kind: { case: kind.case, value: { ...kind.value, fields } } })
    }
    case 'entityDeleted': {
      const fields = visibleFields(kind.value.fields, typeThen(kind.value.entity?.type, revision, view))
      return fields && create(ChangeSchema, { kind: { case: kind.case, value: { ...kind.value, fields } } })
    }
    case 'schemaChanged': {
      const value = visibleSchemas(kind.value, view)
      return value && create(ChangeSchema, { kind: { case: kind.case, value } })
    }
    default:
      return change
  }
}

/** A type right after a revision, as the caller may see it. */
function typeThen(name = '', revision: number, { grants, present, history }: HistoryView): TypeModel | undefined {
  const now = present.get(name)
  const model = history.at(name, revision) ?? now
  return model && visiblePastType(model, now, grants)
}

function visibleFields(fields: readonly FieldState[], type: TypeModel | undefined): FieldState[] | undefined {
  return type && fields.filter(({ name }) => type.fieldsByName.has(name))
}

function visibleSchemas(change: SchemaChanged, view: HistoryView): SchemaChanged | undefined {
  const schema = visibleSchema(change.schema, view)
  const previous = visibleSchema(change.previous, view)
  // The schema from then on tells whether there is anything to see; of a type that was deleted, the last one.
  if ((change.schema === undefined ? previous : schema) === undefined) return undefined
  const ids = new Set([schema, previous].flatMap((each) => each?.fields.map(({ id }) => id) ?? []))
  return create(SchemaChangedSchema, {
    ...(schema === undefined ? {} : { schema }),
    ...(previous === undefined ? {} : { previous }),
    conversions: change.conversions.filter(({ fromId, toId }) => ids.has(fromId) && ids.has(toId)),
  })
}

function visibleSchema(schema: TypeSchema | undefined, { present, grants }: HistoryView): TypeSchema | undefined {
  if (schema === undefined) return undefined
  return visiblePastType(typeModelFromSchema(schema), present.get(schema.type), grants)?.schema
}
