import { create } from '@bufbuild/protobuf'
import { GetSchemaResponseSchema, type GetSchemaRequest, type GetSchemaResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { readAt } from '../read-at.ts'

export function getSchema(
  reader: ReaderContext,
  request: GetSchemaRequest,
  caller: HandlerContext,
): GetSchemaResponse | Promise<GetSchemaResponse> {
  return readAt(reader, request.consistency, caller, (source, { revision }) => {
    const type = source.type(request.type)
    if (type === undefined) throw new QError('unknown_type', `there is no type ${request.type}`, { field: 'type' })
    const response = create(GetSchemaResponseSchema)
    response.revision = revision
    response.schema = type.schema
    return response
  })
}
