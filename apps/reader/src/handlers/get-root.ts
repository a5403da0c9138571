import { create } from '@bufbuild/protobuf'
import { GetRootResponseSchema, type GetRootRequest, type GetRootResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { EntitySource } from '@qcore/replica'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { readAt } from '../read-at.ts'

export function getRoot(
  reader: ReaderContext,
  request: GetRootRequest,
  caller: HandlerContext,
): GetRootResponse | Promise<GetRootResponse> {
  return readAt(reader, request.consistency, caller, (source, { revision }) => {
    const response = create(GetRootResponseSchema)
    response.revision = revision
    setRoot(response, source)
    return response
  })
}

function setRoot(response: GetRootResponse, source: EntitySource): void {
  const roots = source.children('')
  if (roots === undefined) return
  const id = roots.at(0)?.id
  if (id === undefined) throw new QError('unknown_entity', 'the store has no root yet')
  const root = source.entity(id)
  if (root !== undefined && root !== null) response.root = messageFromEntity(root)
}
