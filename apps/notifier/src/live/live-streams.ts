import type { SchemaChanged } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { decodeSchemaChanged, type LogRecord, type PresentTypes } from '@qcore/replica'
import type { FieldWrite } from '../match/field-write.ts'
import { MatchIndex } from '../match/match-index.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import { lackingWrites, watchedChanges } from '../match/watched-changes.ts'
import { notifierMetrics } from '../metrics.ts'
import type { ContextResolver } from '../notify/context-resolver.ts'
import { notifyChanges } from '../notify/notify-changes.ts'
import type { OutgoingNotification } from '../notify/outgoing-notification.ts'
import { trackedNotifications, withTracked } from '../notify/tracked-notifications.ts'
import { RevisionNotice, type NoticedCommit } from '../stream/revision-notice.ts'
import { LiveTracking } from './live-tracking.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import type { WatchStream } from '../stream/watch-stream.ts'

/** How often streams with nothing to send are told the revision: the contract says at least every second. */
const progressEveryMs = 500
/** How long a stop waits for streams to end: one whose caller does not read cannot be told. */
const shutDownMs = 500

export interface LiveStreamsOptions {
  feed: { readonly appliedRevision: number }
  /** Reads the state right after the revision that is being applied. */
  resolverAt(revision: number): ContextResolver
  /** Completes writes whose value before is lacking. */
  complete(writes: readonly FieldWrite[]): Promise<void>
  /** The types at the applied revision; undefined for a moment after the log was replaced. */
  types(): PresentTypes | undefined
  /** Bytes that the queries and paths of all streams may keep. */
  readonly trackedBytes: number
}

/**
 * All open streams, and those of them that are live in the index. `apply` gets every commit once, in order; between two
 * calls of it, every live stream has queued all that concerns it up to the applied revision.
 */
export class LiveStreams implements Disposable {
  readonly #open = new Set<WatchStream>()
  readonly #live = new Set<WatchStream>()
  readonly #index = new MatchIndex<WatchStream>()
  readonly tracking: LiveTracking
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
      this.#index.add(stream.groups)
    }
    return this.#options.feed.appliedRevision
  }

  close(stream: WatchStream): void {
    if (!this.#open.delete(stream)) return
    notifierMetrics.streams.dec()
    notifierMetrics.subscriptions.dec(stream.subscriptionCount)
    this.#detach(stream)
    if (stream.trackers !== undefined) this.tracking.close(stream.trackers)
    if (this.#open.size === 0) this.#allClosed?.resolve()
  }

  /** Takes the next commit. */
  apply(record: LogRecord): void {
    for (const change of record.changes) {
      if (change.kind === 'schema_changed') this.#applySchema(decodeSchemaChanged(change), record.revision)
    }
    const outcomes = this.tracking.apply(record, this.#options.types())
    for (const [stream, outcome] of outcomes) if (outcome === 'behind') this.#sendBack(stream, record.revision)
    const changes = watchedChanges(record, this.#index)
    if (changes.length === 0 && outcomes.size === 0) return
    const resolver = this.#options.resolverAt(record.revision)
    const commit = { revision: record.revision, commitTime: timestampFromMicros(record.commitTimeUs) }
    const tracked = trackedNotifications(outcomes, resolver)
    if (lackingWrites(changes).length > 0) return this.#applyLater(commit, { changes, tracked }, resolver)
    const notified = withTracked(notifyChanges(changes, this.#index, resolver), tracked)
    for (const [stream, notifications] of notified) {
      this.#push(stream, new RevisionNotice(commit, notifications))
      this.#notifications += notifications.length
    }
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
      stream.endAt(revision, loss)
      this.#detach(stream)
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
      .then(() => withTracked(notifyChanges(changes, this.#index, resolver), tracked))
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
    if (!stream.hasEnded) {
      stream.push(notice)
      if (stream.hasEnded) notifierMetrics.tooSlow.inc()
    }
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
    if (this.#live.delete(stream)) this.#index.delete(stream.groups)
  }

  #tick(): void {
    let queueBytes = 0
    for (const stream of this.#live) {
      stream.offerProgress(this.#options.feed.appliedRevision)
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
