import { create } from '@bufbuild/protobuf'
import {
  EntityResultSchema,
  GetEntitiesResponseSchema,
  type EntityResult,
  type GetEntitiesRequest,
  type GetEntitiesResponse,
} from '@qcore/contracts'
import { messageFromEntity } from '@qcore/model'
import type { EntitySource } from '@qcore/replica'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { problem } from '../problem.ts'
import { readAt } from '../read-at.ts'

export function getEntities(
  reader: ReaderContext,
  request: GetEntitiesRequest,
  caller: HandlerContext,
): GetEntitiesResponse | Promise<GetEntitiesResponse> {
  return readAt(reader, request.consistency, caller, (source, { revision }) => {
    const response = create(GetEntitiesResponseSchema)
    response.revision = revision
    response.results = request.entityIds.map((id, index) => entityResult(source, id, index))
    return response
  })
}

function entityResult(source: EntitySource, id: string, index: number): EntityResult {
  const result = create(EntityResultSchema)
  const entity = source.entity(id)
  if (entity === null) {
    const value = problem('unknown_entity', `there is no entity ${id}`, `entity_ids[${index}]`)
    result.outcome = { case: 'problem', value }
  } else if (entity !== undefined) {
    result.outcome = { case: 'entity', value: messageFromEntity(entity) }
  }
  return result
}
