import { hash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  CommitRequestSchema,
  CreateEntitySchema,
  MutationSchema,
  type CommitRequest,
  type Mutation,
} from '@qcore/contracts'

/** Tells whether two requests ask for the same: a digest of mutations and conditions. */
export function fingerprintOf(request: CommitRequest): Uint8Array {
  const content = create(CommitRequestSchema, {
    mutations: request.mutations.map(withSortedFields),
    conditions: request.conditions,
  })
  return hash('sha256', toBinary(CommitRequestSchema, content), 'buffer')
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
