import { clone, create, toBinary } from '@bufbuild/protobuf'
import { callerOf, grantsOf } from '@qcore/access'
import {
  HistoryChangeSchema,
  HistoryOrder,
  ListChangesRequestSchema,
  ListChangesResponseSchema,
  type HistoryChange,
  type ListChangesRequest,
  type ListChangesResponse,
} from '@qcore/contracts'
import { loadIncarnations, readDatabase, type Incarnation } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { loadTypeHistory } from '@qcore/replica'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { newestPage, oldestPage, type ChangePage, type PageMode } from '../history/change-page.ts'
import type { CommitEffect } from '../history/commit-effect.ts'
import { completePrevious } from '../history/complete-previous.ts'
import { anyField, loadFieldFilter } from '../history/field-filter.ts'
import { historyRange } from '../history/history-range.ts'
import { hasVisibleField, isVisibleIncarnation, visibleChanges, type HistoryView } from '../history/visible-changes.ts'

const defaultLimit = 100
/** For the values before that are completed, in bytes: with the changes less than NATS carries. */
const roomForPrevious = 300_000
const mostAttempts = 3

export function listChanges(
  reader: ReaderContext,
  request: ListChangesRequest,
  caller: HandlerContext,
): Promise<ListChangesResponse> {
  return reader.pastTurns.run(caller, async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await readDatabase(listPage(reader, request, caller))
      } catch (error) {
        // The log was compacted meanwhile: who asked for what there is gets what there is now.
        const isWhole = request.fromRevision === 0n && request.order !== HistoryOrder.OLDEST_FIRST
        if (!isQError(error, 'compacted') || !isWhole || attempt >= mostAttempts) throw error
      }
    }
  })
}

async function listPage(
  { pool, past, replica, cursors }: ReaderContext,
  request: ListChangesRequest,
  caller: HandlerContext,
): Promise<ListChangesResponse> {
  const identity = clone(ListChangesRequestSchema, request)
  identity.cursor = ''
  const cursorBytes = toBinary(ListChangesRequestSchema, identity)
  const at = cursors.read(request.cursor, cursorBytes)
  const range = await historyRange(pool, request)
  // The types that the reader knows must be at least as new.
  await replica.feed.waitFor(range.to, caller.signal)
  const present = await replica.read((_source, types) => types, caller)
  const [history, known] = await Promise.all([
    loadTypeHistory(pool, range.oldestRevision - 1),
    loadIncarnations(pool, request.entityId),
  ])
  const view: HistoryView = { grants: grantsOf(callerOf(caller)), present, history }
  const incarnations = known.filter((incarnation) => isVisibleIncarnation(incarnation, view))
  const { entityId, field, limit } = request
  assertSubject({ entityId, field }, incarnations, (type) => hasVisibleField(type, field, view))
  const sources = { pool, past, signal: caller.signal }
  const most = limit === 0 ? defaultLimit : limit
  const types = incarnations.map(({ type }) => type)
  const fields =
    field === '' ? anyField : await loadFieldFilter(pool, { name: field, types, history, from: range.oldestRevision })
  const walk = { subject: { entityId, fields, isWhole: field === '' }, incarnations, history }
  let page: ChangePage
  if (request.order === HistoryOrder.OLDEST_FIRST) {
    const from = at === undefined ? range.from : Number(at.key)
    if (from < range.oldestRevision) throw behindLog(range.oldestRevision)
    const mode: PageMode = at?.id === 'scan' ? 'scan' : 'walk'
    page = await oldestPage(sources, { ...walk, range: { ...range, from } }, { limit: most, mode })
  } else {
    const to = at === undefined ? range.to : Number(at.key)
    page = await newestPage(sources, { ...walk, range: { ...range, to } }, most)
  }
  const changes = page.effects.flatMap((effect) => historyChanges({ ...effect, changes: visibleChanges(effect, view) }))
  await completePrevious(pool, changes, roomForPrevious)
  const { next } = page
  return create(ListChangesResponseSchema, {
    revision: BigInt(range.to),
    oldestRevision: BigInt(range.oldestRevision),
    changes,
    nextCursor: next === undefined ? '' : cursors.write({ key: `${next.revision}`, id: next.mode }, cursorBytes),
  })
}

/** Throws QError `unknown_entity`, `unknown_field`. */
function assertSubject(
  { entityId, field }: { entityId: string; field: string },
  incarnations: readonly Incarnation[],
  hasField: (type: string) => boolean,
): void {
  if (incarnations.length === 0) {
    throw new QError('unknown_entity', `there is no entity ${entityId}, and the log knows of none`, {
      field: 'entity_id',
    })
  }
  if (field === '' || incarnations.some(({ type }) => hasField(type))) return
  throw new QError('unknown_field', `the type ${incarnations[0]?.type} has no field ${field}`, { field: 'field' })
}

function behindLog(oldestRevision: number): QError {
  return new QError('compacted', `the log begins with ${oldestRevision}: changes before the next page are lost`, {
    field: 'cursor',
    metadata: { oldest_revision: `${oldestRevision}` },
  })
}

function historyChanges({ revision, commitTimeUs, writer, changes }: CommitEffect): HistoryChange[] {
  return changes.map((change) => {
    const listed = create(HistoryChangeSchema)
    listed.revision = BigInt(revision)
    listed.commitTime = timestampFromMicros(commitTimeUs)
    listed.writer = writer
    listed.change = change
    return listed
  })
}
