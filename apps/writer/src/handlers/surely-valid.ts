import { isMessage, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import {
  CommitManyRequestSchema,
  CommitRequestSchema,
  WriteOption,
  type CommitRequest,
  type EmitEvent,
  type Mutation,
  type Value,
  type WriteField,
} from '@qcore/contracts'

const entityId = /^[A-Za-z0-9_-]{1,64}$/
const fieldName = /^[A-Za-z][A-Za-z0-9_]{0,62}$/
const namespaceName = /^[a-z][a-z0-9_-]{0,62}$/
const eventType = /^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+){0,15}$/
const eventName = /^[!-~]{0,128}$/
const mostTypeLength = 128
const mostItems = 1_000
const mostKeyLength = 128
const mostSessionLength = 36
/** A UTF-16 unit takes at most three bytes, so that text of this length is never too long. */
const mostTextLength = 65_536

/**
 * Whether a request surely keeps the rules of its proto. Says so of the most frequent requests only, which write fields
 * and emit events, and a tenth as dearly as the rules themselves; of the others, right or wrong, it says false.
 */
export function isSurelyValid(message: MessageShape<DescMessage>): boolean {
  if (isMessage(message, CommitManyRequestSchema)) {
    const { commits, session } = message
    return isListOf(commits, isPlainCommit) && session.length <= mostSessionLength
  }
  return isMessage(message, CommitRequestSchema) && isPlainCommit(message)
}

function isListOf<T>(items: readonly T[], accept: (item: T) => boolean): boolean {
  return items.length > 0 && items.length <= mostItems && items.every(accept)
}

function isPlainCommit({ mutations, conditions, idempotencyKey }: CommitRequest): boolean {
  return conditions.length === 0 && idempotencyKey.length <= mostKeyLength && isListOf(mutations, isPlainMutation)
}

function isPlainMutation({ kind }: Mutation): boolean {
  if (kind.case === 'emitEvent') return isPlainEvent(kind.value)
  return kind.case === 'writeField' && isPlainWrite(kind.value)
}

function isPlainEvent(event: EmitEvent): boolean {
  return (
    namespaceName.test(event.namespace) &&
    event.type.length <= mostTypeLength &&
    eventType.test(event.type) &&
    event.payload.length <= mostTextLength &&
    eventName.test(event.producer) &&
    eventName.test(event.correlationId) &&
    eventName.test(event.orderKey) &&
    event.dedupeKey === '' &&
    event.dedupeWindowMs === 0n &&
    event.delivery.case === undefined &&
    event.expiry.case === undefined &&
    Object.keys(event.attributes).length === 0
  )
}

function isPlainWrite(value: WriteField): boolean {
  return (
    entityId.test(value.entityId) &&
    fieldName.test(value.field) &&
    (value.option === WriteOption.UNSPECIFIED || value.option === WriteOption.IF_CHANGED) &&
    value.writeTime === undefined &&
    isPlainValue(value.value)
  )
}

function isPlainValue(value: Value | undefined): boolean {
  switch (value?.kind.case) {
    case 'int':
    case 'float':
    case 'bool':
      return true
    case 'string':
      return value.kind.value.length <= mostTextLength
    default:
      return false
  }
}
