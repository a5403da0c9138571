import { HistoryOrder, HistoryService } from '@qcore/contracts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { commitFromMessage, historyChangeFromMessage, type Commit, type HistoryChange } from './history-change.ts'

/** Which commits, and in which order. */
export interface CommitListOptions extends CallOptions {
  /** `newest`, the default, or `oldest` first. */
  readonly first?: 'newest' | 'oldest'
  /** From this revision on; default: from where the log begins. */
  readonly from?: number
  /** Up to this revision; default: up to the newest. */
  readonly to?: number
  /** At most this many in all; default: all of them. */
  readonly limit?: number
}

export interface HistoryOptions extends CommitListOptions {
  /** Only what concerns this field. */
  readonly field?: string
}

/** Of one request. `timeoutMs` is for each of them. */
const pageSize = 100

export async function* listHistory(
  caller: Caller,
  entityId: string,
  options: HistoryOptions,
): AsyncGenerator<HistoryChange, void> {
  const asked = { ...rangeOf(options), entityId, field: options.field ?? '' }
  yield* pages(options, async (cursor) => {
    const page = await caller.call(HistoryService.method.listChanges, { ...asked, cursor }, options)
    return { items: page.changes.map(historyChangeFromMessage), cursor: page.nextCursor }
  })
}

export async function* listCommits(caller: Caller, options: CommitListOptions): AsyncGenerator<Commit, void> {
  const asked = rangeOf(options)
  yield* pages(options, async (cursor) => {
    const page = await caller.call(HistoryService.method.listCommits, { ...asked, cursor }, options)
    return { items: page.commits.map(commitFromMessage), cursor: page.nextCursor }
  })
}

function rangeOf({ first, from = 0, to = 0, limit = pageSize }: CommitListOptions) {
  const order = first === 'oldest' ? HistoryOrder.OLDEST_FIRST : HistoryOrder.UNSPECIFIED
  return { order, fromRevision: BigInt(from), toRevision: BigInt(to), limit: Math.min(limit, pageSize) }
}

async function* pages<T>(
  { limit = Infinity }: CommitListOptions,
  fetchPage: (cursor: string) => Promise<{ items: readonly T[]; cursor: string }>,
): AsyncGenerator<T, void> {
  let left = limit
  let cursor = ''
  while (left > 0) {
    const page = await fetchPage(cursor)
    yield* page.items.slice(0, left)
    left -= page.items.length
    cursor = page.cursor
    if (cursor === '') return
  }
}
