import type { CommitChange, FormerField } from '@qcore/client'
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
    case 'schema': {
      const known = new Set(Object.keys(change.previous?.fields ?? {}))
      const added = Object.keys(change.schema.fields).filter((name) => !known.has(name))
      const what = added.length === 0 ? 'changed' : `got ${added.join(', ')}`
      return `type ${change.schema.type} ${change.previous === undefined ? 'was created' : what}`
    }
    case 'other':
      return 'a change of a kind that this version does not know'
  }
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
