import { create } from '@bufbuild/protobuf'
import { ContextFieldSchema, FieldSchema, ProblemSchema, type ContextField } from '@qcore/contracts'
import { messageFromField, messageFromFieldValue } from '@qcore/model'
import type { PathProblem, PathTarget } from '@qcore/replica'

/** The message for what a path leads to. It names the entity and the field, for the path may have followed references. */
export function contextField(target: PathTarget | PathProblem): ContextField {
  const message = create(ContextFieldSchema)
  if (target.kind === 'problem') {
    const { code, message: text } = target
    message.outcome = { case: 'problem', value: create(ProblemSchema, { code, message: text }) }
    return message
  }
  const entityId = target.entity.id
  if (target.kind === 'own') {
    const { name, valueType } = target
    const value = messageFromFieldValue(valueType, target.value)
    // As a read has it.
    const revision = name === 'Children' ? 0n : BigInt(target.entity.structureRevision)
    const field = create(FieldSchema, { entityId, name, value, revision })
    message.outcome = { case: 'field', value: field }
    return message
  }
  const { name, position, valueType } = target.field
  const state = target.entity.fields[position]
  if (state === undefined) throw new Error(`${entityId} has no state of ${name}`)
  message.outcome = { case: 'field', value: messageFromField(valueType, state, { entityId, name }) }
  return message
}
