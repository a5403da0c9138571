import { hash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  CommitRequestSchema,
  CreateEntitySchema,
  MutationSchema,
  type CommitRequest,
  type Mutation,
} from '@qcore/contracts'
import { encodeMutation, type ProtoWriter } from '@qcore/transport'

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
  return conditions.length === 0 && mutations.every((mutation) => encodeMutation(out, mutation))
}
