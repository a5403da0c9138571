import { create } from '@bufbuild/protobuf'
import { GetRootResponseSchema, type GetRootRequest, type GetRootResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { Caller, EntitySource } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'

export function getRoot(
  reader: ReaderContext,
  request: GetRootRequest,
  caller: Caller,
): GetRootResponse | Promise<GetRootResponse> {
  const { replica } = reader
  return whenFresh(reader, request.consistency, caller, () =>
    replica.read((source) => {
      const response = create(GetRootResponseSchema)
      response.revision = BigInt(replica.feed.appliedRevision)
      setRoot(response, source)
      return response
    }, caller),
  )
}

function setRoot(response: GetRootResponse, source: EntitySource): void {
  const roots = source.children('')
  if (roots === undefined) return
  const id = roots.at(0)?.id
  if (id === undefined) throw new QError('unknown_entity', 'the store has no root yet')
  const root = source.entity(id)
  if (root !== undefined && root !== null) response.root = messageFromEntity(root)
}
