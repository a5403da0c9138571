import type { Executor } from '@qcore/database'
import { timestampFromMicros } from '@qcore/model'
import type { LogRecord, PresentTypes } from '@qcore/replica'
import type { PastEntities } from '../context-fields/past-entities.ts'
import type { MatchIndex } from '../match/match-index.ts'
import { tooManyMoved } from '../match/subtree-changes.ts'
import { watchedChanges } from '../match/watched-changes.ts'
import type { ContextResolver } from '../notify/context-resolver.ts'
import { notifySelected } from '../notify/notify-changes.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import { matchedChanges } from './matched-changes.ts'
import { RevisionNotice } from '../stream/revision-notice.ts'
import type { WatchStream } from '../stream/watch-stream.ts'

export interface ReplayState {
  readonly stream: WatchStream
  /** Of the stream's subscriptions only. */
  readonly index: MatchIndex<WatchStream>
  /** As of the revision before the first record. */
  readonly entities: PastEntities
  /** The types as they are now. */
  readonly presentTypes: () => PresentTypes | undefined
}

/** Notices, and why the stream ends at a later revision. */
export interface ReplayedNotices {
  readonly notices: readonly RevisionNotice[]
  readonly end: { readonly revision: number; readonly reason: StreamEnd } | undefined
}

/** What commits of the log mean for a stream, with context as it was after each of them. */
export async function replayNotices(
  records: readonly LogRecord[],
  { stream, index, entities, presentTypes }: ReplayState,
  pool: Executor,
): Promise<ReplayedNotices> {
  const watched = records.map((record) => ({ record, changes: watchedChanges(record, index) }))
  const hasContext = stream.groups.some(({ whenChanged }) => whenChanged.context.paths.length > 0)
  if (hasContext)
    await entities.prefetch(new Set(watched.flatMap(({ changes }) => changes.map(({ entityId }) => entityId))))
  const seesAll = stream.groups.every(({ whenChanged }) => whenChanged.context.grants.hasAll)
  const hasSubtrees = !index.subtrees.isEmpty
  if (!seesAll || hasSubtrees) await entities.types()
  const resolver: ContextResolver = {
    resolve: (entityId, path, grants) => entities.read({ entityId, path, grants }, presentTypes()),
    get present() {
      return presentTypes()
    },
    typeThen: (name) => entities.type(name),
  }
  const notices: RevisionNotice[] = []
  for (const { record, changes } of watched) {
    if (hasContext || !seesAll || hasSubtrees) entities.advance(record)
    const found = await matchedChanges(record, changes, { index, entities, pool, seen: resolver })
    if (found.isOverflown) return { notices, end: { revision: record.revision, reason: tooManyMoved(record.revision) } }
    const notifications = notifySelected(found.selected, resolver).get(stream)
    if (notifications === undefined) continue
    const commit = { revision: record.revision, commitTime: timestampFromMicros(record.commitTimeUs) }
    const notice = new RevisionNotice(commit, notifications)
    await notice.ready
    notices.push(notice)
  }
  return { notices, end: undefined }
}
