import { create } from '@bufbuild/protobuf'
import { ListChildrenResponseSchema, type ListChildrenRequest, type ListChildrenResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromEntity } from '@qcore/model'
import type { EntitySource } from '@qcore/replica'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { loadChildPage, type ChildPage } from '../find/child-page.ts'
import type { PageEnd } from '../query/cursor.ts'
import { loadPastChildPage } from '../find/past-child-page.ts'
import { whenFresh } from '../freshness.ts'
import { answerPast } from '../past/read-past.ts'
import { asOfOf } from '../past/revision-as-of.ts'
import { viewOf, type View } from '../view.ts'
import { whenApplied } from '../when-applied.ts'

const defaultLimit = 100

export function listChildren(
  reader: ReaderContext,
  request: ListChildrenRequest,
  caller: HandlerContext,
): ListChildrenResponse | Promise<ListChildrenResponse> {
  const { entityId: parentId, consistency } = request
  const limit = request.limit === 0 ? defaultLimit : request.limit
  const identityOf = (isOrdered: boolean): Buffer =>
    Buffer.from(`children ${parentId} ${limit} ${isOrdered ? 'place' : 'name'}`)
  const respond = (page: Omit<ChildPage, 'logId'>, isOrdered: boolean): ListChildrenResponse =>
    responseOf(page, { parentId, limit, isOrdered }, (end) => reader.cursors.write(end, identityOf(isOrdered)))
  const asOf = asOfOf(consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, async ({ revision, types, present, read }) => {
      const view = viewOf(caller, present, types)
      const { hasParent, isOrdered, hiddenTypes } = await read((source) => orderOf(view, source, parentId))
      const end = reader.cursors.read(request.cursor, identityOf(isOrdered))
      const rows = await loadPastChildPage(reader.pool, { parentId, limit, end, isOrdered, hiddenTypes, revision })
      return respond({ revision, hasParent, rows }, isOrdered)
    })
  }
  return whenFresh(reader, consistency, caller, async () => {
    const readOrder = (): ReturnType<typeof orderOf> | Promise<ReturnType<typeof orderOf>> =>
      reader.replica.read((source, types) => orderOf(viewOf(caller, types), source, parentId), caller)
    const before = await readOrder()
    const { isOrdered, hiddenTypes } = before
    const end = reader.cursors.read(request.cursor, identityOf(isOrdered))
    const page = await loadChildPage(reader.pool, { parentId, limit, end, isOrdered, hiddenTypes })
    await whenApplied(reader.replica.feed, page, caller)
    const after = await readOrder()
    const isSame = after.isOrdered === isOrdered && String(after.hiddenTypes) === String(hiddenTypes)
    if (page.hasParent && !isSame) {
      throw new QError('unavailable', 'what goes for the children changed meanwhile; ask again')
    }
    return respond({ ...page, hasParent: page.hasParent && !before.isHidden && !after.isHidden }, isOrdered)
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

/** How the children of an entity are ordered, if the caller may see it, and which of them it may not see. */
function orderOf(
  view: View,
  source: EntitySource,
  entityId: string,
): { hasParent: boolean; isHidden: boolean; isOrdered: boolean; hiddenTypes: readonly string[] } {
  const entity = source.entity(entityId)
  const hasParent = view.of(source).entity(entityId) !== null
  const isOrdered = source.type(entity?.type ?? '')?.hasOrderedChildren ?? false
  return { hasParent, isHidden: entity !== null && !hasParent, isOrdered, hiddenTypes: view.hiddenTypes() }
}
