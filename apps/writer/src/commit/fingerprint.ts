import { hash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  CommitRequestSchema,
  CreateEntitySchema,
  MutationSchema,
  type CommitRequest,
  type Mutation,
  type Value,
  type WriteField,
} from '@qcore/contracts'
import { encodeEmitEvent, type ProtoWriter } from '@qcore/transport'

/** A request that takes no more is its own fingerprint: a digest would be no smaller, and costs more to make. */
const mostBytesOfOwn = 64

/**
 * Tells whether two requests ask for the same: the bytes of mutations and conditions, or their digest; a character each.
 *
 * @param scratch is overwritten
 */
export function fingerprintOf(request: CommitRequest, scratch: ProtoWriter): string {
  scratch.rewind()
  const bytes = encodePlain(request, scratch)
    ? scratch.slice(0, scratch.length)
    : Buffer.from(toBinary(CommitRequestSchema, contentOf(request)))
  return bytes.length <= mostBytesOfOwn ? bytes.toString('latin1') : hash('sha256', bytes, 'latin1')
}

function contentOf({ mutations, conditions }: CommitRequest): CommitRequest {
  return create(CommitRequestSchema, { mutations: mutations.map(withSortedFields), conditions })
}

/** The fields of a new entity are a map, whose order is the sender's whim. */
function withSortedFields(mutation: Mutation): Mutation {
  if (mutation.kind.case !== 'createEntity') return mutation
  const entity = mutation.kind.value
  const names = Object.keys(entity.fields)
  if (names.length < 2) return mutation
  const fields = Object.fromEntries(Object.entries(entity.fields).sort(([a], [b]) => (a < b ? -1 : 1)))
  const sorted = create(CreateEntitySchema, { ...entity, fields })
  return create(MutationSchema, { kind: { case: 'createEntity', value: sorted } })
}

/** Writes what `toBinary` would, of the most frequent requests. Returns whether this is one. */
function encodePlain({ mutations, conditions }: CommitRequest, out: ProtoWriter): boolean {
  return conditions.length === 0 && mutations.every((mutation) => encodePlainMutation(mutation, out))
}

function encodePlainMutation({ kind }: Mutation, out: ProtoWriter): boolean {
  const start = out.begin(1)
  if (kind.case === 'writeField') {
    const writeStart = out.begin(3)
    if (!encodePlainWrite(kind.value, out)) return false
    out.finish(writeStart)
  } else if (kind.case === 'emitEvent') {
    const eventStart = out.begin(9)
    if (!encodeEmitEvent(out, kind.value)) return false
    out.finish(eventStart)
  } else {
    return false
  }
  out.finish(start)
  return true
}

function encodePlainWrite({ entityId, field, value, option, writeTime }: WriteField, out: ProtoWriter): boolean {
  if (writeTime !== undefined) return false
  out.text(1, entityId)
  out.text(2, field)
  const valueStart = out.begin(3)
  if (!encodePlainValue(value, out)) return false
  out.finish(valueStart)
  out.uint(4, option)
  return true
}

function encodePlainValue(value: Value | undefined, out: ProtoWriter): boolean {
  switch (value?.kind.case) {
    case 'int':
      out.int64(1, value.kind.value)
      return true
    case 'float':
      out.double(2, value.kind.value)
      return true
    case 'string':
      out.text(3, value.kind.value)
      return true
    case 'bool':
      out.bool(4, value.kind.value)
      return true
    default:
      return false
  }
}
