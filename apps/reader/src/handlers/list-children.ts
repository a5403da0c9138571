import { create } from '@bufbuild/protobuf'
import { ListChildrenResponseSchema, type ListChildrenRequest, type ListChildrenResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { Caller, EntitySource } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { loadChildPage, type ChildPage } from '../find/child-page.ts'
import type { PageEnd } from '../query/cursor.ts'
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
  const identityOf = (isOrdered: boolean): Buffer =>
    Buffer.from(`children ${parentId} ${limit} ${isOrdered ? 'place' : 'name'}`)
  const respond = (page: Omit<ChildPage, 'logId'>, isOrdered: boolean): ListChildrenResponse =>
    responseOf(page, { parentId, limit, isOrdered }, (end) => reader.cursors.write(end, identityOf(isOrdered)))
  const asOf = asOfOf(consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, async ({ revision, read }) => {
      const { hasParent, isOrdered } = await read((source) => orderOf(source, parentId))
      const end = reader.cursors.read(request.cursor, identityOf(isOrdered))
      const rows = await loadPastChildPage(reader.pool, { parentId, limit, end, isOrdered, revision })
      return respond({ revision, hasParent, rows }, isOrdered)
    })
  }
  return whenFresh(reader, consistency, caller, async () => {
    const readOrder = (): ReturnType<typeof orderOf> | Promise<ReturnType<typeof orderOf>> =>
      reader.replica.read((source) => orderOf(source, parentId), caller)
    const { isOrdered } = await readOrder()
    const end = reader.cursors.read(request.cursor, identityOf(isOrdered))
    const page = await loadChildPage(reader.pool, { parentId, limit, end, isOrdered })
    await whenApplied(reader.replica.feed, page, caller)
    if (page.hasParent && (await readOrder()).isOrdered !== isOrdered) {
      throw new QError('unavailable', 'the order of the children changed meanwhile; ask again')
    }
    return respond(page, isOrdered)
  })
}

function responseOf(
  { revision, hasParent, rows }: Omit<ChildPage, 'logId'>,
  { parentId, limit, isOrdered }: { parentId: string; limit: number; isOrdered: boolean },
  cursorOf: (end: PageEnd) => string,
): ListChildrenResponse {
  if (!hasParent) throw new QError('unknown_entity', `there is no entity ${parentId}`, { field: 'entity_id' })
  const response = create(ListChildrenResponseSchema)
  response.revision = BigInt(revision)
  response.children = rows.slice(0, limit).map((row) => messageFromEntity({ ...row, parentId, fields: [] }))
  const last = rows[limit - 1]
  if (rows.length > limit && last !== undefined) {
    const key = Buffer.from(isOrdered ? last.place : last.name).toString('base64url')
    response.nextCursor = cursorOf({ key, id: last.id })
  }
  return response
}

/** How the children of an entity are ordered, if there is one. */
function orderOf(source: EntitySource, entityId: string): { hasParent: boolean; isOrdered: boolean } {
  const entity = source.entity(entityId)
  const isOrdered = source.type(entity?.type ?? '')?.hasOrderedChildren ?? false
  return { hasParent: entity !== null, isOrdered }
}
