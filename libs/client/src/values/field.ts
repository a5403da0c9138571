import type { Entity as EntityMessage, Field as FieldMessage } from '@qcore/contracts'
import { timestampFromMessage, type Timestamp } from './timestamp.ts'
import { typedValueFromMessage, type TypedFieldValue } from './value-message.ts'

/** An entity: a node of the tree. */
export interface Entity {
  readonly id: string
  readonly type: string
  /** Siblings may share one. */
  readonly name: string
  /** Empty for the root. */
  readonly parentId: string
  /** The revision that created it. */
  readonly createdRevision: number
}

/** A field as last written. `type` tells what `value` is. */
export type Field = TypedFieldValue & {
  /** The entity that holds it: of a path, the one at its end. */
  readonly entityId: string
  readonly name: string
  /** When: the commit's time on PostgreSQL's clock, or the time that the writer gave. */
  readonly writeTime: Timestamp
  /** Who: the subject of the token. */
  readonly writer: string
  /** The revision that wrote it. */
  readonly revision: number
}

export function entityFromMessage(message: EntityMessage): Entity {
  const { id, type, name, parentId, createdRevision } = message
  return { id, type, name, parentId, createdRevision: Number(createdRevision) }
}

/** @param asked what the request named, for an answer that leaves it out */
export function fieldFromMessage(message: FieldMessage, asked: { entityId: string; name: string }): Field {
  const { type, value } = typedValueFromMessage(message.value)
  return {
    entityId: message.entityId === '' ? asked.entityId : message.entityId,
    name: message.name === '' ? asked.name : message.name,
    type,
    value,
    writeTime: timestampFromMessage(message.writeTime),
    writer: message.writer,
    revision: Number(message.revision),
  } as Field
}
