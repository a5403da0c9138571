import { create } from '@bufbuild/protobuf'
import { ListChildrenResponseSchema, type ListChildrenRequest, type ListChildrenResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { loadChildPage } from '../find/child-page.ts'
import { whenFresh } from '../freshness.ts'
import { whenApplied } from '../when-applied.ts'

const defaultLimit = 100

export function listChildren(
  reader: ReaderContext,
  request: ListChildrenRequest,
  caller: Caller,
): ListChildrenResponse | Promise<ListChildrenResponse> {
  return whenFresh(reader, request.consistency, caller, async () => {
    const { entityId: parentId, cursor } = request
    const limit = request.limit === 0 ? defaultLimit : request.limit
    const identity = Buffer.from(`children ${parentId} ${limit}`)
    const end = reader.cursors.read(cursor, identity)
    const page = await loadChildPage(reader.pool, { parentId, limit, end })
    await whenApplied(reader.replica.feed, page, caller)
    if (!page.hasParent) {
      throw new QError('unknown_entity', `there is no entity ${parentId}`, { field: 'entity_id' })
    }
    const response = create(ListChildrenResponseSchema)
    response.revision = BigInt(page.revision)
    response.children = page.rows.slice(0, limit).map((row) => messageFromEntity({ ...row, parentId, fields: [] }))
    const last = page.rows[limit - 1]
    if (page.rows.length > limit && last !== undefined) {
      const key = Buffer.from(last.name).toString('base64url')
      response.nextCursor = reader.cursors.write({ key, id: last.id }, identity)
    }
    return response
  })
}
