import type { SchemaChanged } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { decodeSchemaChanged, type LogRecord, type PresentTypes } from '@qcore/replica'
import type { FieldWrite } from '../match/field-write.ts'
import { MatchIndex } from '../match/match-index.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import { subtreeChanges, tooManyMoved, type SubtreeChanges } from '../match/subtree-changes.ts'
import { lackingWrites, watchedChanges } from '../match/watched-changes.ts'
import { notifierMetrics } from '../metrics.ts'
import type { ContextResolver, RevisionReader } from '../notify/context-resolver.ts'
import { notifyChanges, notifySelected } from '../notify/notify-changes.ts'
import type { OutgoingNotification } from '../notify/outgoing-notification.ts'
import { merged, trackedNotifications } from '../notify/tracked-notifications.ts'
import { RevisionNotice, type NoticedCommit } from '../stream/revision-notice.ts'
import { LiveTracking, type TrackedOutcome } from './live-tracking.ts'
import { SubtreeLane } from './subtree-lane.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import type { WatchStream } from '../stream/watch-stream.ts'

/** How often streams with nothing to send are told the revision: the contract says at least every second. */
const progressEveryMs = 500
/** How long a stop waits for streams to end: one whose caller does not read cannot be told. */
const shutDownMs = 500

export interface LiveStreamsOptions {
  feed: { readonly appliedRevision: number }
  /** Reads the state right after the revision that is being applied. */
  resolverAt(revision: number): RevisionReader
  /** Completes writes whose value before is lacking. */
  complete(writes: readonly FieldWrite[]): Promise<void>
  /** The types at the applied revision; undefined for a moment after the log was replaced. */
  types(): PresentTypes | undefined
  /** Bytes that the queries and paths of all streams may keep. */
  readonly trackedBytes: number
}

type Outcomes = ReadonlyMap<WatchStream, TrackedOutcome>

/** A commit that is being applied. */
interface Matched {
  readonly record: LogRecord
  readonly commit: NoticedCommit
  readonly resolver: () => RevisionReader
}

const noSubtreeChanges: SubtreeChanges<WatchStream> = { selected: [], overflown: new Set() }

/**
 * All open streams, and those of them that are live in the index. `apply` gets every commit once, in order; between two
 * calls of it, every live stream has queued all that concerns it up to the applied revision.
 */
export class LiveStreams implements Disposable {
  readonly #open = new Set<WatchStream>()
  readonly #live = new Set<WatchStream>()
  readonly #index = new MatchIndex<WatchStream>()
  readonly tracking: LiveTracking
  /** The subscriptions of streams that watch subtrees, which are told of everything in one order. */
  readonly #lanedIndex = new MatchIndex<WatchStream>()
  readonly #lane = new SubtreeLane((error) => this.#failLaned(error))
  readonly #options: LiveStreamsOptions
  readonly #timer: NodeJS.Timeout
  #queueBytes = 0
  #notifications = 0
  #end: StreamEnd | undefined
  #allClosed: PromiseWithResolvers<void> | undefined

  constructor(options: LiveStreamsOptions) {
    this.#options = options
    this.tracking = new LiveTracking(() => options.types(), options.trackedBytes)
    this.tracking.begin(options.feed.appliedRevision)
    this.#timer = setInterval(() => this.#tick(), progressEveryMs)
  }

  /** Counts a stream as open. One that comes while the notifier stops ends at once. */
  open(stream: WatchStream): void {
    this.#open.add(stream)
    notifierMetrics.streams.inc()
    notifierMetrics.subscriptions.inc(stream.subscriptionCount)
    if (this.#end !== undefined) stream.end(this.#end)
  }

  /** From the next commit on the stream gets what concerns it. Returns the revision that it is live at. */
  attach(stream: WatchStream): number {
    if (this.#open.has(stream) && !this.#live.has(stream)) {
      this.#live.add(stream)
      this.#indexOf(stream).add(stream.groups)
      stream.liveAfter = this.#options.feed.appliedRevision
    }
    return this.#options.feed.appliedRevision
  }

  close(stream: WatchStream): void {
    if (!this.#open.delete(stream)) return
    notifierMetrics.streams.dec()
    notifierMetrics.subscriptions.dec(stream.subscriptionCount)
    this.#detach(stream)
    // What waits in its queue is needed no more, however the call ended.
    stream.end({ code: 'canceled', message: 'the call is over' })
    if (stream.trackers !== undefined) this.tracking.close(stream.trackers)
    if (this.#open.size === 0) this.#allClosed?.resolve()
  }

  /** Takes the next commit. */
  apply(record: LogRecord): void {
    if (this.#live.size > 0) {
      for (const change of record.changes) {
        if (change.kind === 'schema_changed') this.#applySchema(decodeSchemaChanged(change), record.revision)
      }
    }
    // Also while nobody is live: who is about to join goes by the commits that it has kept.
    const outcomes = this.tracking.apply(record, this.#options.types())
    if (this.#live.size === 0) return
    let resolver: RevisionReader | undefined
    const matched: Matched = {
      record,
      commit: { revision: record.revision, commitTime: timestampFromMicros(record.commitTimeUs) },
      // Most commits concern nobody.
      resolver: () => (resolver ??= this.#options.resolverAt(record.revision)),
    }
    const [laned, plain] = partition(outcomes, (stream) => stream.watchesSubtrees)
    this.#applyPlain(matched, plain)
    this.#applyLaned(matched, laned)
  }

  #applyPlain({ record, commit, resolver }: Matched, outcomes: Outcomes): void {
    for (const [stream, outcome] of outcomes) if (outcome === 'behind') this.#sendBack(stream, record.revision)
    const changes = watchedChanges(record, this.#index)
    if (changes.length === 0 && outcomes.size === 0) return
    const tracked = trackedNotifications(outcomes, resolver())
    if (lackingWrites(changes).length > 0) return this.#applyLater(commit, { changes, tracked }, resolver())
    this.#pushAll(commit, merged(notifyChanges(changes, this.#index, resolver()), tracked))
  }

  /** Of streams with subtrees: where the changed entities are has to be known first. */
  #applyLaned({ record, commit, resolver }: Matched, outcomes: Outcomes): void {
    const index = this.#lanedIndex
    const isConcerned = index.subtrees.concerns(record)
    const changes = watchedChanges(record, index)
    if (!isConcerned && changes.length === 0 && outcomes.size === 0) return
    const found = isConcerned
      ? resolver().read((source) => subtreeChanges(record, index.subtrees, { source, seen: resolver() }))
      : noSubtreeChanges
    const complete = (of: SubtreeChanges<WatchStream>): typeof of | Promise<typeof of> => {
      const lacking = lackingWrites([...changes, ...of.selected.map(({ change }) => change)])
      return lacking.length === 0 ? of : this.#options.complete(lacking).then(() => of)
    }
    const completed = found instanceof Promise ? found.then(complete) : complete(found)
    this.#lane.add(record.revision, completed, ({ selected, overflown }) => {
      for (const [stream, outcome] of outcomes) if (outcome === 'behind') this.#sendBack(stream, record.revision)
      for (const stream of overflown) this.#endAt(stream, record.revision, tooManyMoved(record.revision))
      const tracked = trackedNotifications(outcomes, resolver())
      const parts = [notifyChanges(changes, index, resolver()), notifySelected(selected, resolver()), tracked]
      this.#pushAll(commit, merged(...parts))
    })
  }

  #pushAll(commit: NoticedCommit, notified: Map<WatchStream, OutgoingNotification[]>): void {
    for (const [stream, notifications] of notified) {
      this.#push(stream, new RevisionNotice(commit, notifications))
      this.#notifications += notifications.length
    }
  }

  /** Ends a stream at a revision, unless it resumed behind that: it goes on then. */
  #endAt(stream: WatchStream, revision: number, reason: StreamEnd): void {
    if (revision <= stream.deliveredRevision) return
    stream.endAt(revision, reason)
    this.#detach(stream)
  }

  /** A stream whose trackers lack something goes on from the log. */
  #sendBack(stream: WatchStream, revision: number): void {
    stream.replayFrom(revision)
    this.#detach(stream)
  }

  /** Ends the streams that name fields which are gone. */
  #applySchema(change: SchemaChanged, revision: number): void {
    for (const stream of this.#live) {
      const loss = stream.lossBy(change, revision)
      if (loss === undefined) continue
      const end = (): void => this.#endAt(stream, revision, loss)
      // Revisions before it may still wait for streams that watch subtrees.
      if (stream.watchesSubtrees) this.#lane.add(revision, undefined, end)
      else end()
    }
  }

  /** Holds the place of a commit whose writes are not complete in every stream that it may concern. */
  #applyLater(
    commit: NoticedCommit,
    { changes, tracked }: { changes: readonly NotifiedChange[]; tracked: Map<WatchStream, OutgoingNotification[]> },
    resolver: ContextResolver,
  ): void {
    const streams = new Set([...changes.flatMap((change) => this.#index.subscribers(change)), ...tracked.keys()])
    const notified = this.#options
      .complete(lackingWrites(changes))
      .then(() => merged(notifyChanges(changes, this.#index, resolver), tracked))
    notified.catch(() => undefined)
    for (const stream of streams) {
      this.#push(
        stream,
        new RevisionNotice(
          commit,
          notified.then((late) => late.get(stream) ?? []),
        ),
      )
    }
  }

  #push(stream: WatchStream, notice: RevisionNotice): void {
    if (!stream.hasEnded) stream.push(notice)
    if (stream.hasEnded) this.#detach(stream)
  }

  /** Ends all open streams: what comes next may be of another log. */
  endAll(reason: StreamEnd): void {
    this.tracking.begin(this.#options.feed.appliedRevision)
    for (const stream of this.#open) {
      stream.end(reason)
      this.#detach(stream)
    }
  }

  /** Ends all streams, those to come too, and waits a moment until their callers are told. */
  async shutDown(reason: StreamEnd): Promise<void> {
    this.#end = reason
    this.endAll(reason)
    if (this.#open.size === 0) return
    this.#allClosed = Promise.withResolvers()
    const timer = setTimeout(this.#allClosed.resolve, shutDownMs)
    await this.#allClosed.promise
    clearTimeout(timer)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#publishMetrics(0)
  }

  #detach(stream: WatchStream): void {
    if (stream.trackers !== undefined) this.tracking.leave(stream.trackers)
    if (!this.#live.delete(stream)) return
    this.#indexOf(stream).delete(stream.groups)
    if (stream.wasTooSlow) notifierMetrics.tooSlow.inc()
  }

  #indexOf(stream: WatchStream): MatchIndex<WatchStream> {
    return stream.watchesSubtrees ? this.#lanedIndex : this.#index
  }

  #failLaned(cause: unknown): void {
    for (const stream of this.#live) {
      if (!stream.watchesSubtrees) continue
      stream.end({ code: 'unavailable', message: 'it cannot be read where an entity is', cause })
      this.#detach(stream)
    }
  }

  #tick(): void {
    let queueBytes = 0
    for (const stream of this.#live) {
      const applied = this.#options.feed.appliedRevision
      stream.offerProgress(stream.watchesSubtrees ? this.#lane.reached(applied) : applied)
      queueBytes += stream.queueBytes
    }
    notifierMetrics.appliedRevision.set(this.#options.feed.appliedRevision)
    this.#publishMetrics(queueBytes)
  }

  #publishMetrics(queueBytes: number): void {
    notifierMetrics.queueBytes.inc(queueBytes - this.#queueBytes)
    this.#queueBytes = queueBytes
    notifierMetrics.notifications.inc(this.#notifications)
    this.#notifications = 0
  }
}

function partition<K, V>(map: ReadonlyMap<K, V>, isFirst: (key: K) => boolean): [Map<K, V>, Map<K, V>] {
  const parts: [Map<K, V>, Map<K, V>] = [new Map(), new Map()]
  for (const [key, value] of map) parts[isFirst(key) ? 0 : 1].set(key, value)
  return parts
}
