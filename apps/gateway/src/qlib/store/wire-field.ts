import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import type { Field } from '@qcore/client'
import { shownType } from '../value/shown-type.ts'
import { messageOf, wireFromField } from '../value/field-value.ts'
import { writeValue, type AnyValue, type WireValue } from '../value/wire-value.ts'
import type { Store } from './store.ts'

/** What the answers of both dialects hold of a field. */
export interface WireField {
  value: AnyValue
  writeTime: TimestampMessage
  writerId: string
}

/** A field as qlib's messages have it. */
export async function wireField({ choices, package: dialect }: Store, field: Field): Promise<WireField> {
  const { entityId, name } = field
  const optionNumber = field.type === 'Choice' ? await choices.numberOf(entityId, name, field.value) : 0
  const { type, raw } = wireFromField(field, optionNumber)
  return {
    value: writeValue({ type: shownType(type, dialect), raw } as WireValue, dialect),
    writeTime: messageOf(field.writeTime),
    writerId: field.writer,
  }
}
