import type { Entity, Field } from '@qcore/client'
import { printable } from './printable.ts'
import { jsonOfValue } from './value-text.ts'

/** A field for programs. */
export function jsonOfField(field: Field): Record<string, unknown> {
  const { entityId, name, type, writeTime, writer, revision } = field
  return { entityId, name, type, value: jsonOfValue(field), writeTime: writeTime.toString(), writer, revision }
}

/** An entity on one line for people. */
export function textOfEntity({ name, type, id }: Entity): string {
  return `${printable(name)}  (${type} ${id})`
}
