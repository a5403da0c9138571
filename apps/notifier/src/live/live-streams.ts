import type { SchemaChanged } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { decodeSchemaChanged, type LogRecord } from '@qcore/replica'
import { MatchIndex } from '../match/match-index.ts'
import { notifierMetrics } from '../metrics.ts'
import type { ContextResolver } from '../notify/context-resolver.ts'
import { notifyWrites, watchedWrites } from '../notify/notify-writes.ts'
import type { FieldWrite } from '../match/field-write.ts'
import { RevisionNotice, type NoticedCommit } from '../stream/revision-notice.ts'
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
}

/**
 * All open streams, and those of them that are live in the index. `apply` gets every commit once, in order; between two
 * calls of it, every live stream has queued all that concerns it up to the applied revision.
 */
export class LiveStreams implements Disposable {
  readonly #open = new Set<WatchStream>()
  readonly #live = new Set<WatchStream>()
  readonly #index = new MatchIndex<WatchStream>()
  readonly #options: LiveStreamsOptions
  readonly #timer: NodeJS.Timeout
  #queueBytes = 0
  #notifications = 0
  #end: StreamEnd | undefined
  #allClosed: PromiseWithResolvers<void> | undefined

  constructor(options: LiveStreamsOptions) {
    this.#options = options
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
    if (this.#open.size === 0) this.#allClosed?.resolve()
  }

  /** Takes the next commit. */
  apply(record: LogRecord): void {
    for (const change of record.changes) {
      if (change.kind === 'schema_changed') this.#applySchema(decodeSchemaChanged(change), record.revision)
    }
    const writes = watchedWrites(record, this.#index)
    if (writes.length === 0) return
    const resolver = this.#options.resolverAt(record.revision)
    const commit = { revision: record.revision, commitTime: timestampFromMicros(record.commitTimeUs) }
    if (writes.some((write) => write.lackingRevision !== undefined)) return this.#applyLater(commit, writes, resolver)
    for (const [stream, notifications] of notifyWrites(writes, this.#index, resolver)) {
      this.#push(stream, new RevisionNotice(commit, notifications))
      this.#notifications += notifications.length
    }
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
  #applyLater(commit: NoticedCommit, writes: readonly FieldWrite[], resolver: ContextResolver): void {
    const streams = new Set(writes.flatMap((write) => this.#index.subscribers(write)))
    const notified = this.#options.complete(writes).then(() => notifyWrites(writes, this.#index, resolver))
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

  /** Ends all open streams. */
  endAll(reason: StreamEnd): void {
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
