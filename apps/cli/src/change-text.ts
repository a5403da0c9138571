import type { CommitChange, FormerField, TypeSchema } from '@qcore/client'
import { jsonOfField, textOfEntity } from './field-text.ts'
import { printable } from './printable.ts'
import { jsonOfSchema } from './schema-json.ts'
import { textOfValue } from './value-text.ts'

/** A change on one line for people. */
export function textOfChange(change: CommitChange): string {
  switch (change.kind) {
    case 'write': {
      const { current, previous } = change
      const before = previous === undefined ? '' : `${textOfFormer(previous)} → `
      return `${current.name}  ${before}${textOfValue(current)}`
    }
    case 'create':
    case 'delete': {
      const fields = change.fields.map((field) => `  ${field.name}=${textOfFormer(field)}`)
      return `${change.kind === 'create' ? 'created' : 'deleted'} ${textOfEntity(change.entity)}${fields.join('')}`
    }
    case 'move': {
      const { entity, previous } = change
      const from = entity.parentId === previous.parentId ? '' : ` from ${previous.parentId} to ${entity.parentId}`
      const name = entity.name === previous.name ? '' : ` ${printable(previous.name)} → ${printable(entity.name)}`
      return `moved${name}${from}`
    }
    case 'schema':
      return textOfSchemaChange(change.schema, change.previous)
    case 'schema_deleted':
      return `type ${change.previous.type} was deleted`
    case 'emit':
      return change.heldUntil === undefined
        ? `emitted ${change.type} in ${change.namespace} as ${change.eventId}`
        : `holds ${change.type} in ${change.namespace} until ${change.heldUntil.toString()} as ${change.eventId}`
    case 'put_config':
      return `set the key ${printable(change.key)} of the configuration, at its revision ${change.configRevision}`
    case 'delete_config':
      return `deleted the key ${printable(change.key)} of the configuration, at its revision ${change.configRevision}`
    case 'schedule': {
      const { done, name, namespace, scheduleId } = change
      return `${done} schedule${name === '' ? '' : ` ${printable(name)}`} of ${namespace} as ${scheduleId}`
    }
    case 'other':
      return 'a change of a kind that this version does not know'
  }
}

/** What became of the fields: one of the same name and another type was retyped, or is another one. */
function textOfSchemaChange({ type, fields }: TypeSchema, previous: TypeSchema | undefined): string {
  if (previous === undefined) return `type ${type} was created`
  const before = previous.fields
  const got = Object.keys(fields).filter((name) => !(name in before))
  const lost = Object.keys(before).filter((name) => !(name in fields))
  const retyped = Object.entries(fields).filter(([name, { type: now }]) => before[name] && before[name].type !== now)
  const parts = [
    ...(got.length === 0 ? [] : [`got ${got.join(', ')}`]),
    ...(lost.length === 0 ? [] : [`lost ${lost.join(', ')}`]),
    ...retyped.map(([name, { type: now }]) => `made ${name} ${now}`),
  ]
  return `type ${type} ${parts.length === 0 ? 'changed' : parts.join(', ')}`
}

/** A change for programs. */
export function jsonOfChange(change: CommitChange): Record<string, unknown> {
  switch (change.kind) {
    case 'write': {
      const { current, previous } = change
      const before = previous === undefined ? null : jsonOfFormer(previous)
      return { kind: change.kind, entityId: current.entityId, current: jsonOfField(current), previous: before }
    }
    case 'create':
    case 'delete':
      return { kind: change.kind, entity: change.entity, fields: change.fields.map(jsonOfFormer) }
    case 'move':
      return { kind: change.kind, entity: change.entity, previous: change.previous }
    case 'schema': {
      const previous = change.previous === undefined ? null : jsonOfSchema(change.previous)
      return { kind: change.kind, schema: jsonOfSchema(change.schema), previous }
    }
    case 'schema_deleted':
      return { kind: change.kind, previous: jsonOfSchema(change.previous) }
    case 'emit':
      return { ...change, heldUntil: change.heldUntil?.toString() ?? null }
    case 'put_config':
    case 'delete_config':
    case 'schedule':
      return { ...change }
    case 'other':
      return { kind: change.kind }
  }
}

function textOfFormer(field: FormerField): string {
  return field.type === undefined ? '<left out>' : textOfValue(field)
}

function jsonOfFormer(field: FormerField): Record<string, unknown> {
  if (field.type !== undefined) return jsonOfField(field)
  const { entityId, name, writeTime, writer, revision } = field
  return { entityId, name, writeTime: writeTime.toString(), writer, revision }
}
