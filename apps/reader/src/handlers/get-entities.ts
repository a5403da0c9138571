import { create } from '@bufbuild/protobuf'
import {
  EntityResultSchema,
  GetEntitiesResponseSchema,
  type EntityResult,
  type GetEntitiesRequest,
  type GetEntitiesResponse,
} from '@qcore/contracts'
import { messageFromEntity } from '@qcore/model'
import type { Caller, EntitySource } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'
import { problem } from '../problem.ts'

export function getEntities(
  reader: ReaderContext,
  request: GetEntitiesRequest,
  caller: Caller,
): GetEntitiesResponse | Promise<GetEntitiesResponse> {
  const { replica } = reader
  return whenFresh(reader, request.consistency, caller, () =>
    replica.read((source) => {
      const response = create(GetEntitiesResponseSchema)
      response.revision = BigInt(replica.feed.appliedRevision)
      response.results = request.entityIds.map((id, index) => entityResult(source, id, index))
      return response
    }, caller),
  )
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
