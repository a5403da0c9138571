import { toBinary } from '@bufbuild/protobuf'
import { CommitRequestSchema, type CommitRequest, type EmitEvent, type Mutation, type Value } from '@qcore/contracts'

/** What a message takes besides its texts: tags, lengths, times. */
const framingBytes = 48
/** The most bytes that a UTF-16 unit takes in UTF-8. */
const bytesPerUnit = 3

/** About how many bytes a commit takes, rather too many. The usual ones are not encoded for it. */
export function commitBytes(commit: CommitRequest): number {
  let bytes = framingBytes + commit.idempotencyKey.length
  for (const mutation of commit.mutations) {
    const size = simpleMutationBytes(mutation)
    if (size === undefined) return toBinary(CommitRequestSchema, commit).length + framingBytes
    bytes += size
  }
  return commit.conditions.length === 0 ? bytes : toBinary(CommitRequestSchema, commit).length + framingBytes
}

function simpleMutationBytes({ kind }: Mutation): number | undefined {
  if (kind.case === 'deleteEntity') return framingBytes + kind.value.entityId.length
  if (kind.case === 'emitEvent') return eventBytes(kind.value)
  if (kind.case !== 'writeField') return undefined
  const value = valueBytes(kind.value.value)
  return value === undefined ? undefined : framingBytes + kind.value.entityId.length + kind.value.field.length + value
}

function eventBytes(event: EmitEvent): number | undefined {
  const { namespace, type, payload, producer, correlationId, orderKey, dedupeKey } = event
  for (const _name in event.attributes) return undefined
  const names = namespace.length + type.length + producer.length + correlationId.length
  return 2 * framingBytes + names + orderKey.length + dedupeKey.length + payload.length * bytesPerUnit
}

function valueBytes(value: Value | undefined): number | undefined {
  switch (value?.kind.case) {
    case 'int':
    case 'float':
    case 'bool':
    case 'timestamp':
      return 16
    case 'string':
    case 'choice':
    case 'entityReference':
    case 'transformation':
      return value.kind.value.length * bytesPerUnit
    default:
      return undefined
  }
}
