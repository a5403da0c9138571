import { create } from '@bufbuild/protobuf'
import { FieldSchema, type Field } from '@qcore/contracts'
import { messageFromField, messageFromFieldValue } from '@qcore/model'
import type { FoundValue } from '@qcore/query'

/**
 * The message for what a path of a query found, as a read has it.
 *
 * @param name at the end of the path
 * @param isNamed whether the message says of which entity and field it is
 */
export function fieldFound({ valueType, value, entity, field }: FoundValue, name: string, isNamed: boolean): Field {
  const from = { entityId: entity.id, name }
  const state = field === undefined ? undefined : entity.fields[field.position]
  if (state !== undefined)
    return isNamed ? messageFromField(valueType, state, from) : messageFromField(valueType, state)
  const message = create(FieldSchema, isNamed ? from : {})
  message.value = messageFromFieldValue(valueType, value)
  if (name !== 'Children') message.revision = BigInt(entity.structureRevision)
  return message
}
