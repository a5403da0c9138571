import { create } from '@bufbuild/protobuf'
import { ListChildrenResponseSchema, type ListChildrenRequest, type ListChildrenResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { loadChildPage, type ChildPage } from '../find/child-page.ts'
import type { PageEnd } from '../find/cursor.ts'
import { loadPastChildPage } from '../find/past-child-page.ts'
import { whenFresh } from '../freshness.ts'
import { answerPast } from '../past/read-past.ts'
import { asOfOf } from '../past/revision-as-of.ts'
import { whenApplied } from '../when-applied.ts'

const defaultLimit = 100

export function listChildren(
  reader: ReaderContext,
  request: ListChildrenRequest,
  caller: Caller,
): ListChildrenResponse | Promise<ListChildrenResponse> {
  const { entityId: parentId, consistency } = request
  const limit = request.limit === 0 ? defaultLimit : request.limit
  const identity = Buffer.from(`children ${parentId} ${limit}`)
  const respond = (page: Omit<ChildPage, 'logId'>): ListChildrenResponse =>
    responseOf(page, { parentId, limit }, (end) => reader.cursors.write(end, identity))
  const asOf = asOfOf(consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, async ({ revision, read }) => {
      const end = reader.cursors.read(request.cursor, identity)
      const hasParent = await read((source) => source.entity(parentId) !== null)
      const rows = await loadPastChildPage(reader.pool, { parentId, limit, end, revision })
      return respond({ revision, hasParent, rows })
    })
  }
  return whenFresh(reader, consistency, caller, async () => {
    const end = reader.cursors.read(request.cursor, identity)
    const page = await loadChildPage(reader.pool, { parentId, limit, end })
    await whenApplied(reader.replica.feed, page, caller)
    return respond(page)
  })
}

function responseOf(
  { revision, hasParent, rows }: Omit<ChildPage, 'logId'>,
  { parentId, limit }: { parentId: string; limit: number },
  cursorOf: (end: PageEnd) => string,
): ListChildrenResponse {
  if (!hasParent) throw new QError('unknown_entity', `there is no entity ${parentId}`, { field: 'entity_id' })
  const response = create(ListChildrenResponseSchema)
  response.revision = BigInt(revision)
  response.children = rows.slice(0, limit).map((row) => messageFromEntity({ ...row, parentId, fields: [] }))
  const last = rows[limit - 1]
  if (rows.length > limit && last !== undefined) {
    response.nextCursor = cursorOf({ key: Buffer.from(last.name).toString('base64url'), id: last.id })
  }
  return response
}
