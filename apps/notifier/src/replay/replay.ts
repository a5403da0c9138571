import type { WatchResponse } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import {
  decodeSchemaChanged,
  type LogFeed,
  type LogRecord,
  type Past,
  type PresentTypes,
  type TypeRegistry,
} from '@qcore/replica'
import { PastEntities } from '../context-fields/past-entities.ts'
import type { LiveStreams } from '../live/live-streams.ts'
import { MatchIndex } from '../match/match-index.ts'
import { noticeResponses, progressResponse } from '../stream/watch-responses.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import type { WatchStream } from '../stream/watch-stream.ts'
import { readPage } from './read-page.ts'
import { replayNotices, type ReplayState } from './replay-notices.ts'

export interface ReplaySources {
  readonly pool: Executor
  readonly past: Past
  readonly live: LiveStreams
  readonly feed: Pick<LogFeed, 'appliedRevision' | 'logId' | 'waitFor' | 'catchUp'>
  readonly replica: { readonly types: TypeRegistry | undefined }
}

/** How near to the newest revision a replay is when its stream is made live: what comes meanwhile waits in the queue. */
const joinDistance = 500
/** Commits whose context is loaded together: enough to share statements, and few before the first is sent. */
const batchRecords = 64

/**
 * Sends what the log holds after a revision, and leaves the stream live: everything after what was sent here is, or
 * will be, in its queue. Each page ends with a progress mark.
 *
 * @throws QError `log_replaced`, `compacted`, and the reason of the stream's end
 */
export async function* replay(
  stream: WatchStream,
  after: number,
  { pool, past, live, feed, replica }: ReplaySources,
): AsyncGenerator<WatchResponse> {
  const index = new MatchIndex<WatchStream>()
  index.add(stream.groups)
  const presentTypes = (): PresentTypes | undefined => replica.types
  const state = { stream, index, entities: new PastEntities(past, after), presentTypes }
  const { logId } = feed
  let reached = after
  let liveAt: number | undefined
  for (;;) {
    stream.throwIfEnded()
    // Live first, then read: what is committed in between is in the queue.
    if (liveAt === undefined && feed.appliedRevision - reached <= joinDistance) liveAt = live.attach(stream)
    if (liveAt !== undefined && liveAt <= reached) return
    const page = await readPage(pool, reached, logId)
    const records = page.filter(({ revision }) => liveAt === undefined || revision <= liveAt)
    for (let start = 0; start < records.length; start += batchRecords) {
      yield* sendBatch(records.slice(start, start + batchRecords), state, pool)
    }
    reached = records.at(-1)?.revision ?? reached
    if (stream.deliveredRevision < reached) {
      stream.markDelivered(reached)
      yield progressResponse(reached)
    }
  }
}

async function* sendBatch(
  records: readonly LogRecord[],
  state: ReplayState,
  pool: Executor,
): AsyncGenerator<WatchResponse> {
  const { stream } = state
  const loss = firstLoss(stream, records)
  const before = loss === undefined ? records : records.filter(({ revision }) => revision < loss.revision)
  const { notices, end } = await replayNotices(before, state, pool)
  for (const notice of notices) {
    const responses = noticeResponses(notice)
    const last = responses.pop()
    yield* responses
    stream.markDelivered(notice.revision)
    if (last !== undefined) yield last
    stream.throwIfEnded()
  }
  const ending = end ?? loss
  if (ending === undefined) return
  stream.markDelivered(ending.revision)
  stream.end(ending.reason)
  stream.throwIfEnded()
}

/** The first commit that takes away a field which the stream names. */
function firstLoss(
  stream: WatchStream,
  records: readonly LogRecord[],
): { reason: StreamEnd; revision: number } | undefined {
  for (const { revision, changes } of records) {
    for (const change of changes) {
      if (change.kind !== 'schema_changed') continue
      const reason = stream.lossBy(decodeSchemaChanged(change), revision)
      if (reason !== undefined) return { reason, revision }
    }
  }
  return undefined
}
