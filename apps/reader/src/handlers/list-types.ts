import { create } from '@bufbuild/protobuf'
import { ListTypesResponseSchema, type ListTypesRequest, type ListTypesResponse } from '@qcore/contracts'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { readAt } from '../read-at.ts'

export function listTypes(
  reader: ReaderContext,
  request: ListTypesRequest,
  caller: HandlerContext,
): ListTypesResponse | Promise<ListTypesResponse> {
  return readAt(reader, request.consistency, caller, (_source, { revision, types, view }) => {
    const response = create(ListTypesResponseSchema)
    response.revision = revision
    response.types = types.names.filter((name) => view.type(name) !== undefined)
    return response
  })
}
