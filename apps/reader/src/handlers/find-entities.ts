import { clone, create, toBinary } from '@bufbuild/protobuf'
import {
  FindEntitiesRequestSchema,
  FindEntitiesResponseSchema,
  FoundEntitySchema,
  type FindEntitiesRequest,
  type FindEntitiesResponse,
  type FoundEntity,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { planFind, type FindPlan } from '../find/find-plan.ts'
import { endOf, loadPage, type FoundRow } from '../find/find-page.ts'
import { selectedFields } from '../find/selected-fields.ts'
import { whenFresh } from '../freshness.ts'
import { whenApplied } from '../when-applied.ts'

export function findEntities(
  reader: ReaderContext,
  request: FindEntitiesRequest,
  caller: Caller,
): Promise<FindEntitiesResponse> | FindEntitiesResponse {
  return whenFresh(reader, request.consistency, caller, async () => {
    const plan = await reader.replica.read((source) => {
      const type = source.type(request.type)
      if (type === undefined) throw new QError('unknown_type', `there is no type ${request.type}`, { field: 'type' })
      return planFind(request, type)
    }, caller)
    const end = request.cursor === '' ? undefined : reader.cursors.read(request.cursor, identityOf(request))
    const response = create(FindEntitiesResponseSchema)
    if (plan.isEmpty) {
      response.revision = BigInt(reader.replica.feed.appliedRevision)
      return response
    }
    const page = await loadPage(reader.pool, plan, end)
    await whenApplied(reader.replica.feed, page, caller)
    response.revision = BigInt(page.revision)
    response.entities = page.rows.slice(0, plan.limit).map((row) => foundEntity(plan, row))
    const last = page.rows[plan.limit - 1]
    if (page.rows.length > plan.limit && last !== undefined) {
      response.nextCursor = reader.cursors.write(endOf(last), identityOf(request))
    }
    return response
  })
}

/** What a cursor belongs to: all of the request but the place and the demand, which may differ from page to page. */
function identityOf(request: FindEntitiesRequest): Uint8Array {
  const identity = clone(FindEntitiesRequestSchema, request)
  identity.cursor = ''
  delete identity.consistency
  return toBinary(FindEntitiesRequestSchema, identity)
}

function foundEntity(plan: FindPlan, row: FoundRow): FoundEntity {
  const found = create(FoundEntitySchema)
  found.entity = messageFromEntity({ ...row, type: plan.type.name, fields: [] })
  found.fields = selectedFields(plan, row)
  return found
}
