import { ReadService } from '@qcore/contracts'
import type { Caller } from '../calls/caller.ts'
import { entityFromMessage, type Entity } from '../values/field.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import type { ReadOptions, Session } from './consistency.ts'
import { Pages, type PagesOptions } from './pages.ts'

/** The children of an entity, ordered by name, then id. */
export function childrenOf(
  { caller, session }: { caller: Caller; session: Session },
  parent: EntityRef,
  options: ReadOptions & PagesOptions,
): Pages<Entity> {
  return new Pages(async (cursor, limit) => {
    const demand = session.demand(options.consistency)
    const request = { entityId: idOf(parent), cursor, limit, ...(demand === undefined ? {} : { consistency: demand }) }
    const page = await caller.call(ReadService.method.listChildren, request, options)
    return { entities: page.children.map(entityFromMessage), cursor: page.nextCursor, revision: Number(page.revision) }
  }, options)
}
