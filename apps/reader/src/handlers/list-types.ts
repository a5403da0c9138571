import { create } from '@bufbuild/protobuf'
import { ListTypesResponseSchema, type ListTypesRequest, type ListTypesResponse } from '@qcore/contracts'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { readAt } from '../read-at.ts'

export function listTypes(
  reader: ReaderContext,
  request: ListTypesRequest,
  caller: Caller,
): ListTypesResponse | Promise<ListTypesResponse> {
  return readAt(reader, request.consistency, caller, (_source, { revision, types }) => {
    const response = create(ListTypesResponseSchema)
    response.revision = revision
    response.types = [...types.names]
    return response
  })
}
