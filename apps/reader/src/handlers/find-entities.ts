import type { HandlerContext } from '@connectrpc/connect'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  FieldSchema,
  FindEntitiesResponseSchema,
  FoundEntitySchema,
  type FindEntitiesRequest,
  type FindEntitiesResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import { encodeFindEntitiesRequest } from '@qcore/transport'
import type { ReaderContext } from '../context.ts'
import { setEncodedEntities } from '../find/encoded-entities.ts'
import { loadFoundPage } from '../find/found-page.ts'
import { planFind } from '../find/plan-find.ts'
import { whenFresh } from '../freshness.ts'
import { ownColumn } from '../query/column-result.ts'
import { afterOf, type FoundRow } from '../query/query-page.ts'
import { takesBinary } from '../takes-binary.ts'
import { assertSameView, viewOf } from '../view.ts'

export function findEntities(
  reader: ReaderContext,
  request: FindEntitiesRequest,
  caller: HandlerContext,
): Promise<FindEntitiesResponse> | FindEntitiesResponse {
  return whenFresh(reader, request.consistency, caller, async () => {
    const types = await reader.replica.read((_source, present) => viewOf(caller, present).types(), caller)
    const type = types.get(request.type)
    if (type === undefined) throw new QError('unknown_type', `there is no type ${request.type}`, { field: 'type' })
    const { plan, columns } = planFind(request, type)
    const end = request.cursor === '' ? undefined : reader.cursors.read(request.cursor, identityOf(request))
    const response = create(FindEntitiesResponseSchema)
    if (plan.isEmpty) {
      response.revision = BigInt(reader.replica.feed.appliedRevision)
      return response
    }
    const after = end && afterOf(plan, { id: end.id, keys: [end.key] })
    const page = await loadFoundPage(reader, plan, { types, columns, after }, caller)
    await assertSameView(reader, types, caller)
    response.revision = BigInt(page.revision)
    const rows = page.rows.slice(0, plan.limit)
    if (takesBinary(caller)) {
      const fieldsOf = (row: FoundRow) => columns.map((column) => toBinary(FieldSchema, ownColumn(column, row)))
      setEncodedEntities(response, { type: plan.type.name, rows, fieldsOf })
    } else {
      response.entities = rows.map((row) => {
        const found = create(FoundEntitySchema)
        found.entity = messageFromEntity({ ...row, type: plan.type.name, fields: [] })
        found.fields = columns.map((column) => ownColumn(column, row))
        return found
      })
    }
    const last = page.rows[plan.limit - 1]
    if (page.rows.length > plan.limit && last !== undefined) {
      response.nextCursor = reader.cursors.write({ key: last.keys?.[0] ?? '', id: last.id }, identityOf(request))
    }
    return response
  })
}

/** What a cursor belongs to: all of the request but the place and the demand, which may differ from page to page. */
function identityOf(request: FindEntitiesRequest): Uint8Array {
  const { consistency: _, ...rest } = request
  return encodeFindEntitiesRequest({ ...rest, cursor: '' })
}
