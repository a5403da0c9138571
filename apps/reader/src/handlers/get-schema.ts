import { create } from '@bufbuild/protobuf'
import { GetSchemaResponseSchema, type GetSchemaRequest, type GetSchemaResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'

export function getSchema(
  reader: ReaderContext,
  request: GetSchemaRequest,
  caller: Caller,
): GetSchemaResponse | Promise<GetSchemaResponse> {
  const { replica } = reader
  return whenFresh(reader, request.consistency, caller, () =>
    replica.read((source) => {
      const type = source.type(request.type)
      if (type === undefined) throw new QError('unknown_type', `there is no type ${request.type}`, { field: 'type' })
      const response = create(GetSchemaResponseSchema)
      response.revision = BigInt(replica.feed.appliedRevision)
      response.schema = type.schema
      return response
    }, caller),
  )
}
