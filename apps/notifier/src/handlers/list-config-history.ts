import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  ListConfigHistoryResponseSchema,
  PastConfigChangeSchema,
  type ListConfigHistoryRequest,
  type ListConfigHistoryResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import type { HistoryPosition, PlatformHistoryRecord } from '@qcore/sync-config'
import { inMessages, textChangeMessage } from '../configuration/config-message.ts'
import { assertMayRead, grantsOfReader } from '../configuration/readable-keys.ts'
import type { NotifierContext } from '../context.ts'

const standardLimit = 100

/** Tells who changed what when, a page of it. */
export async function listConfigHistory(
  request: ListConfigHistoryRequest,
  call: HandlerContext,
  { configuration }: NotifierContext,
): Promise<ListConfigHistoryResponse> {
  const { key, prefix, beforeRevision } = request
  const limit = request.limit || standardLimit
  const { readablePrefixes } = grantsOfReader(call)
  if (key !== '') assertMayRead(call, key, 'key')
  const before = beforeRevision === 0n ? Number.MAX_SAFE_INTEGER : Number(beforeRevision)
  const after = parseCursor(request.cursor)
  const which = { key, prefix, readablePrefixes, before }
  const rows = await configuration.historyPage({ ...which, after, limit })
  const [page = []] = inMessages(rows.map((row) => textChangeMessage(textsOf(row))))
  const last = rows[page.length - 1]
  const changes = rows.slice(0, page.length).flatMap((row, index) => {
    const change = page[index]
    if (change === undefined) return []
    const changeTime = timestampFromMicros(Math.floor(row.changedAtMs * 1_000))
    return [create(PastConfigChangeSchema, { change, changeTime, revision: BigInt(row.logRevision) })]
  })
  const isLast = rows.length < limit && page.length === rows.length && !(await hasMore(last))
  return create(ListConfigHistoryResponseSchema, {
    changes,
    nextCursor: isLast || last === undefined ? '' : `${last.revision} ${last.key}`,
  })

  /** A page may have ended early, for its changes are large. */
  async function hasMore(position: HistoryPosition | undefined): Promise<boolean> {
    if (position === undefined) return false
    return (await configuration.historyPage({ ...which, after: position, limit: 1 })).length > 0
  }
}

function textsOf({ text, previousText, ...row }: PlatformHistoryRecord) {
  const { key, revision, author, origin } = row
  return { key, revision, author, origin, text: text ?? undefined, previousText: previousText ?? undefined }
}

function parseCursor(cursor: string): HistoryPosition | undefined {
  if (cursor === '') return undefined
  const match = /^(\d{1,15}) (.+)$/s.exec(cursor)
  if (match === null) throw new QError('invalid_cursor', 'the cursor is none of this method', { field: 'cursor' })
  return { revision: Number(match[1]), key: match[2] ?? '' }
}
