import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, requireLevel } from '@qcore/access'
import {
  AccessLevel,
  CommitRecordSchema,
  HistoryOrder,
  ListCommitsRequestSchema,
  ListCommitsResponseSchema,
  type ListCommitsRequest,
  type ListCommitsResponse,
} from '@qcore/contracts'
import { loadLogRange, readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { ReaderContext } from '../context.ts'
import { historyRange } from '../history/history-range.ts'

const defaultLimit = 100
/** Bytes of commits in one answer, beyond the first one: less than NATS carries. */
const mostBytes = 600_000

/** Lists whole commits. Needs level admin: they hold everything, whoever may read it. */
export async function listCommits(
  { pool, cursors }: ReaderContext,
  request: ListCommitsRequest,
  caller: HandlerContext,
): Promise<ListCommitsResponse> {
  requireLevel(callerOf(caller), AccessLevel.ADMIN)
  const identity = clone(ListCommitsRequestSchema, request)
  identity.cursor = ''
  const cursorBytes = toBinary(ListCommitsRequestSchema, identity)
  const at = cursors.read(request.cursor, cursorBytes)
  const range = await historyRange(pool, request)
  const newestFirst = request.order !== HistoryOrder.OLDEST_FIRST
  const from = newestFirst || at === undefined ? range.from : Number(at.key)
  const to = !newestFirst || at === undefined ? range.to : Number(at.key)
  const limit = request.limit === 0 ? defaultLimit : request.limit
  const rows = await readDatabase(loadLogRange(pool, { from, to, newestFirst, limit: limit + 1, mostBytes }))
  const page = rows.slice(0, limit)
  // The log has no gaps: a page that does not begin where it should was compacted meanwhile.
  const [first] = page
  if (first !== undefined && first.revision !== (newestFirst ? to : from)) throw behindLog(first.revision)
  const last = page.at(-1)?.revision
  const next = last === undefined ? undefined : newestFirst ? last - 1 : last + 1
  const hasMore = next !== undefined && next >= from && next <= to
  return create(ListCommitsResponseSchema, {
    revision: BigInt(range.to),
    oldestRevision: BigInt(range.oldestRevision),
    commits: page.map(({ record }) => fromBinary(CommitRecordSchema, record)),
    nextCursor: hasMore ? cursors.write({ key: `${next}`, id: 'commits' }, cursorBytes) : '',
  })
}

function behindLog(oldestRevision: number): QError {
  return new QError('compacted', `the log begins with ${oldestRevision}: commits before it are lost`, {
    field: 'cursor',
    metadata: { oldest_revision: `${oldestRevision}` },
  })
}
