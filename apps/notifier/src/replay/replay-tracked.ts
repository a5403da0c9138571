import type { SchemaChanged, WatchResponse } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { decodeSchemaChanged, type LogRecord, type PresentTypes } from '@qcore/replica'
import type { PastEntities } from '../context-fields/past-entities.ts'
import { MatchIndex } from '../match/match-index.ts'
import { tooManyMoved } from '../match/subtree-changes.ts'
import { watchedChanges } from '../match/watched-changes.ts'
import type { ContextResolver } from '../notify/context-resolver.ts'
import { notifySelected } from '../notify/notify-changes.ts'
import { notifyTracked } from '../notify/tracked-notifications.ts'
import { RevisionNotice } from '../stream/revision-notice.ts'
import { noticeResponses, progressResponse } from '../stream/watch-responses.ts'
import type { WatchStream } from '../stream/watch-stream.ts'
import type { StreamTrackers, TrackedChange } from '../track/stream-trackers.ts'
import type { Tracker } from '../track/tracker.ts'
import type { ReplaySources } from './replay.ts'
import { matchedChanges } from './matched-changes.ts'
import { readPage } from './read-page.ts'

/** How long a revision that PostgreSQL has may take to be applied. */
const appliedTimeoutMs = 10_000

interface TrackedReplay extends ReplaySources {
  readonly stream: WatchStream
  readonly trackers: StreamTrackers
  /** Of the stream's subscriptions only. */
  readonly index: MatchIndex<WatchStream>
  readonly entities: PastEntities
}

/**
 * As `replay`, for a stream with trackers: they go through the log commit by commit, until they are where the notifier is, and
 * then are live at that very revision. The commits since the notifier is near come from its memory.
 *
 * @param entities as of the revision that the stream goes on after
 * @throws QError `log_replaced`, `compacted`, `too_much_state`, and the reason of the stream's end
 */
export async function* replayTracked(
  stream: WatchStream,
  entities: PastEntities,
  sources: ReplaySources,
): AsyncGenerator<WatchResponse> {
  const { live, feed, pool } = sources
  const { trackers } = stream
  if (trackers === undefined) throw new Error('the stream has nothing to track')
  const index = new MatchIndex<WatchStream>()
  index.add(stream.groups)
  const replay: TrackedReplay = {
    ...sources,
    stream,
    trackers,
    index,
    entities,
  }
  const { logId } = feed
  const { history } = live.tracking
  const release = history.hold(feed.appliedRevision)
  try {
    for (let reached = entities.revision; ;) {
      stream.throwIfEnded()
      if (feed.appliedRevision < reached) await feed.waitFor(reached, AbortSignal.timeout(appliedTimeoutMs))
      if (feed.logId !== logId)
        throw new QError('log_replaced', `the history ${logId} was replaced`, { field: 'log_id' })
      if (feed.appliedRevision === reached) {
        live.tracking.join(trackers, replay.entities)
        live.attach(stream)
        return
      }
      const kept = history.after(reached) ?? []
      const records = kept.length > 0 ? kept : await readPage(pool, reached, logId)
      for (const record of records) {
        yield* sendRecord(record, replay)
        reached = record.revision
      }
      if (stream.deliveredRevision < reached) {
        stream.markDelivered(reached)
        yield progressResponse(reached)
      }
    }
  } finally {
    release()
  }
}

async function* sendRecord(record: LogRecord, replay: TrackedReplay): AsyncGenerator<WatchResponse> {
  const { stream } = replay
  const notice = await noticeOf(record, replay)
  stream.throwIfEnded()
  if (notice === undefined) return
  const responses = noticeResponses(notice)
  const last = responses.pop()
  yield* responses
  stream.markDelivered(notice.revision)
  if (last !== undefined) yield last
}

async function noticeOf(record: LogRecord, replay: TrackedReplay): Promise<RevisionNotice | undefined> {
  const { stream, index, entities, pool, replica } = replay
  entities.advance(record)
  const tracked = await stepTrackers(record, replay)
  const changes = watchedChanges(record, index)
  if (changes.length === 0 && tracked.length === 0 && !index.subtrees.concerns(record)) return undefined
  const resolver: ContextResolver = {
    resolve: (entityId, path, grants) => entities.read({ entityId, path, grants }, replica.types),
    get present() {
      return replica.types
    },
    typeThen: (name) => entities.type(name),
  }
  const found = await matchedChanges(record, changes, { index, entities, pool, seen: resolver })
  if (found.isOverflown) {
    stream.markDelivered(record.revision)
    stream.end(tooManyMoved(record.revision))
    return undefined
  }
  const notifications = notifySelected(found.selected, resolver).get(stream) ?? []
  const commit = { revision: record.revision, commitTime: timestampFromMicros(record.commitTimeUs) }
  const notice = new RevisionNotice(commit, [...notifications, ...notifyTracked(tracked, resolver)])
  await notice.ready
  return notice
}

async function stepTrackers(record: LogRecord, replay: TrackedReplay): Promise<TrackedChange[]> {
  const { trackers, entities, live, replica } = replay
  const schemas = record.changes.flatMap((change) =>
    change.kind === 'schema_changed' ? [decodeSchemaChanged(change)] : [],
  )
  const affected = live.tracking.index.affected(record, (tracker) => trackers.trackers.includes(tracker))
  for (const change of schemas) await fitToSchema(change, affected, { record, replay })
  if (affected.size === 0) return []
  return entities.attempt((source) => trackers.step(affected, { source, present: alwaysAsked(replica.types) }))
}

/** Checks anew what a change of a schema concerns, and has all of it evaluated. */
async function fitToSchema(
  change: SchemaChanged,
  affected: Map<Tracker, Set<string>>,
  { record: { revision }, replay }: { record: LogRecord; replay: TrackedReplay },
): Promise<void> {
  const { stream, trackers, entities, replica } = replay
  if (!trackers.dependOn(change)) return
  const loss = stream.lossBy(change, revision)
  const present = replica.types
  try {
    if (loss === undefined)
      for (const tracker of trackers.trackers) tracker.check(await entities.types(), presentOr(present))
  } catch (error) {
    if (!isQError(error)) throw error
    stream.markDelivered(revision)
    stream.end({
      code: 'schema_changed',
      message: error.message,
      field: error.field,
      metadata: { revision: `${revision}` },
    })
  }
  if (loss !== undefined) {
    stream.markDelivered(revision)
    stream.end(loss)
  }
  stream.throwIfEnded()
  for (const tracker of trackers.trackers)
    affected.set(tracker, new Set([...(affected.get(tracker) ?? []), ...tracker.entityIds]))
}

/** What asks for nothing now may have asked for something then. */
function alwaysAsked(types: PresentTypes | undefined): PresentTypes {
  const present = presentOr(types)
  return { get: (name) => present.get(name), isRestricted: true }
}

function presentOr(present: PresentTypes | undefined): PresentTypes {
  if (present === undefined) throw new QError('unavailable', 'the store was replaced and is being read anew')
  return present
}
