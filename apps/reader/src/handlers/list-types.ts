import { create } from '@bufbuild/protobuf'
import { ListTypesResponseSchema, type ListTypesRequest, type ListTypesResponse } from '@qcore/contracts'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'

export function listTypes(
  reader: ReaderContext,
  request: ListTypesRequest,
  caller: Caller,
): ListTypesResponse | Promise<ListTypesResponse> {
  const { replica } = reader
  return whenFresh(reader, request.consistency, caller, () =>
    replica.read((_source, types) => {
      const response = create(ListTypesResponseSchema)
      response.revision = BigInt(replica.feed.appliedRevision)
      response.types = [...types.names]
      return response
    }, caller),
  )
}
