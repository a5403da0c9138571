import type { SchemaChanged, Subscription } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import type { Grants } from '@qcore/model'
import { typeOfChange } from '@qcore/replica'
import { lostFields } from '../match/lost-fields.ts'
import { groupSubscriptions, type SubscriptionGroup } from '../match/subscription-group.ts'
import { subtreeKeyParts } from '../match/subtree-key.ts'
import type { StreamTrackers } from '../track/stream-trackers.ts'
import { subscribedQueries, type SubscribedQuery } from '../track/subscribed-query.ts'
import type { Followed } from '../track/trackers-of.ts'
import type { BudgetedQueue, QueueBudget } from './queue-budget.ts'
import type { RevisionNotice } from './revision-notice.ts'
import { streamEndError, type StreamEnd } from './stream-end.ts'

/** How much may wait for a caller. */
export interface QueueLimits {
  /** Bytes of notifications; the revision that passes the limit is still taken, so that any one can be sent. */
  readonly bytes: number
  readonly revisions: number
  /** Shared by all queues of the notifier. */
  readonly budget?: QueueBudget
}

/**
 * What a stream sends next: the notifications of a revision, that there are none up to a revision, or what a replay finds after
 * one.
 */
export type StreamStep =
  | { readonly kind: 'replay'; readonly after: number }
  | { readonly kind: 'notice'; readonly notice: RevisionNotice }
  | { readonly kind: 'progress'; readonly revision: number }

interface QueuedNotice {
  readonly notice: RevisionNotice
  bytes: number
  isReady: boolean
}

/** Entries that were taken leave the array after so many, so that a queue that is never empty does not grow. */
const compactAfter = 1_024

/** After so many offers of progress without news, two a second, the caller is shown that the stream is alive: every five seconds. */
const offersPerSignOfLife = 10

/**
 * One call of Watch: its subscriptions and its queue. The queue is bounded; a stream that passes the bound ends, and no
 * other one notices.
 */
export class WatchStream implements BudgetedQueue {
  readonly groups: readonly SubscriptionGroup<WatchStream>[]
  readonly #paths: readonly SubscriptionGroup<WatchStream>[]
  readonly #queries: readonly SubscribedQuery[]
  readonly #grants: Grants
  /** What follows its paths and queries, as soon as it is open; undefined if it has none. */
  trackers: StreamTrackers | undefined
  readonly subscriptionCount: number
  /** Nothing up to this revision is queued: it was live from then on. */
  liveAfter = 0
  /** Whether its caller takes silence for a dead connection, and wants progress also where there is none. */
  showsLife = false
  /** The types of the entities that are watched by their ids; null where nothing tells. */
  entityTypes: ReadonlyMap<string, string | null> = new Map()
  readonly #limits: QueueLimits
  /** It reads the log again after this revision, once everything until then was taken. */
  #replayAfter: number | undefined
  #queue: QueuedNotice[] = []
  #taken = 0
  #queueBytes = 0
  /** The newest revision that was queued or marked, or that the caller has. */
  #reached = 0
  #progress = 0
  /** Offers of progress since something was taken. */
  #quietOffers = 0
  #delivered = 0
  #end: StreamEnd | undefined
  /** Ends the stream when the caller has everything before the revision of it. */
  #lastStep: { readonly reason: StreamEnd; readonly revision: number } | undefined
  #wake: (() => void) | undefined

  /** @throws QError `invalid_path`, `invalid_expression`, `invalid_query`, `invalid_request` */
  constructor(subscriptions: readonly Subscription[], limits: QueueLimits, grants: Grants) {
    const groups = groupSubscriptions<WatchStream>(subscriptions, this, grants)
    this.groups = groups.filter(({ field }) => !field.includes('->'))
    this.#paths = groups.filter(({ field }) => field.includes('->'))
    this.#queries = subscribedQueries(subscriptions)
    this.#grants = grants
    this.subscriptionCount = subscriptions.length
    this.#limits = limits
  }

  /** Whether it watches subtrees: where an entity is has to be known before its changes can be told. */
  get watchesSubtrees(): boolean {
    return this.groups.some(({ kind }) => kind === 'subtree')
  }

  /** What its trackers have to follow; undefined: nothing. */
  get followed(): Followed | undefined {
    if (this.#paths.length + this.#queries.length === 0) return undefined
    return { paths: this.#paths, queries: this.#queries, grants: this.#grants, entityTypes: this.entityTypes }
  }

  get queueBytes(): number {
    return this.#queueBytes
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** It has ended because too much waited for its caller. */
  get wasTooSlow(): boolean {
    return this.#end?.code === 'too_slow'
  }

  /** The caller was given everything up to this revision. */
  get deliveredRevision(): number {
    return this.#delivered
  }

  /** The caller has, or needs, nothing up to a revision: nothing of that is queued, and it may resume after it. */
  markDelivered(revision: number): void {
    this.#delivered = Math.max(this.#delivered, revision)
    this.#reached = Math.max(this.#reached, revision)
  }

  /** Queues the notifications of a revision. Ends the stream with `too_slow` if its queue is full. */
  push(notice: RevisionNotice): void {
    if (this.#isClosed || notice.revision <= Math.max(this.#reached, this.liveAfter)) return
    const { bytes, revisions } = this.#limits
    if (this.#queueBytes >= bytes || this.#queue.length - this.#taken >= revisions) {
      this.end({ code: 'too_slow', message: `${bytes} bytes or ${revisions} revisions wait for the caller` })
      return
    }
    this.#reached = notice.revision
    const queued = { notice, bytes: 0, isReady: notice.ready === undefined }
    this.#queue.push(queued)
    this.#count(queued)
    if (queued.isReady) this.#wakeUp()
    else this.#followContext(queued)
  }

  /**
   * Nothing more up to a revision concerns the stream. Worth telling only if nothing waits; one that `showsLife` tells it again
   * when many offers had nothing new.
   */
  offerProgress(revision: number): void {
    if (this.#isClosed || this.#taken < this.#queue.length) return
    this.#quietOffers += 1
    if (revision > this.#reached) {
      this.#reached = revision
      this.#progress = revision
    } else if (!this.#isSignDue) {
      return
    }
    this.#wakeUp()
  }

  /** Nothing is queued from a revision on: a replay reads it, once everything before it was taken. */
  replayFrom(revision: number): void {
    if (this.#isClosed) return
    this.#replayAfter = revision - 1
    this.#wakeUp()
  }

  /** Ends the stream at a revision, once everything before it was taken. */
  endAt(revision: number, reason: StreamEnd): void {
    if (this.#end !== undefined || this.#lastStep !== undefined || revision <= this.#delivered) return
    this.#lastStep = { reason, revision }
    this.#wakeUp()
  }

  /** Why the stream cannot go on after a type was changed; undefined: no subscription is concerned. */
  lossBy(change: SchemaChanged, revision: number): StreamEnd | undefined {
    const type = typeOfChange(change)
    const lost = lostFields(change)
    if (lost.size === 0) return undefined
    const tracked = this.trackers?.lossBy(change, revision)
    if (tracked !== undefined) return tracked
    const places = this.groups.map((group) => ({ ...watchedField(group, this.entityTypes), group }))
    const found = places.find((place) => place.type === type && lost.has(place.field))
    if (found === undefined) return undefined
    const { field } = found
    const { whenChanged } = found.group
    return {
      code: 'schema_changed',
      message: `the field ${field} of ${type} ${lost.get(field)} by revision ${revision}`,
      field: `subscriptions[${whenChanged.positions[0] ?? 0}].fields`,
      metadata: { field_name: field, revision: `${revision}` },
    }
  }

  /** Whether it queues nothing more as it is. */
  get #isClosed(): boolean {
    return this.#end !== undefined || this.#lastStep !== undefined || this.#replayAfter !== undefined
  }

  #takeLastStep(): void {
    if (this.#lastStep === undefined) return
    const { reason, revision } = this.#lastStep
    this.markDelivered(revision)
    this.end(reason)
    this.throwIfEnded()
  }

  /** Ends the stream: `take` throws from now on. What is queued is dropped; the caller resumes where it was. */
  end(reason: StreamEnd): void {
    if (this.#end !== undefined) return
    this.#end = reason
    this.#queue = []
    this.#taken = 0
    this.#hold(0)
    this.#wakeUp()
  }

  /** All queues together are too long, and this one is the longest. */
  overrun(): void {
    this.end({ code: 'too_slow', message: 'all callers together let too much wait, and this one the most' })
  }

  /**
   * What to send next, in the order of revisions; undefined if it is not there yet.
   *
   * @throws QError the reason of the end
   */
  take(): StreamStep | undefined {
    this.throwIfEnded()
    const queued = this.#queue[this.#taken]
    if (queued === undefined) {
      this.#takeLastStep()
      return this.#takeReplay() ?? this.#takeProgress()
    }
    if (!queued.isReady) return undefined
    this.#quietOffers = 0
    this.#taken += 1
    this.#hold(this.#queueBytes - queued.bytes)
    if (this.#taken === this.#queue.length || this.#taken === compactAfter) {
      this.#queue.splice(0, this.#taken)
      this.#taken = 0
    }
    return { kind: 'notice', notice: queued.notice }
  }

  /** @throws QError the reason of the end */
  throwIfEnded(): void {
    if (this.#end !== undefined) throw streamEndError(this.#end, this.#delivered)
  }

  /** Resolves when `take` may have something. For one caller at a time, right after `take` had nothing. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #takeReplay(): StreamStep | undefined {
    if (this.#replayAfter === undefined) return undefined
    const after = this.#replayAfter
    this.#replayAfter = undefined
    return { kind: 'replay', after }
  }

  #takeProgress(): StreamStep | undefined {
    const revision = Math.max(this.#progress, this.#delivered)
    if (revision === this.#delivered && !this.#isSignDue) return undefined
    this.#progress = 0
    this.#quietOffers = 0
    return { kind: 'progress', revision }
  }

  get #isSignDue(): boolean {
    return this.showsLife && this.#quietOffers >= offersPerSignOfLife
  }

  #followContext(queued: QueuedNotice): void {
    queued.notice.ready?.then(
      () => {
        queued.isReady = true
        this.#count(queued)
        this.#wakeUp()
      },
      (error: unknown) => this.end(contextFailure(error)),
    )
  }

  #count(queued: QueuedNotice): void {
    if (this.#end !== undefined) return
    const bytes = queued.notice.bytes
    const change = bytes - queued.bytes
    queued.bytes = bytes
    this.#hold(this.#queueBytes + change)
  }

  #hold(bytes: number): void {
    this.#queueBytes = bytes
    this.#limits.budget?.hold(this, bytes)
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** The field that a group is of, and its type. */
function watchedField(
  { kind, target, field }: SubscriptionGroup<WatchStream>,
  entityTypes: ReadonlyMap<string, string | null>,
): { type: string | null | undefined; field: string } {
  if (kind === 'subtree') return subtreeKeyParts(field)
  return { type: kind === 'type' ? target : entityTypes.get(target), field }
}

function contextFailure(cause: unknown): StreamEnd {
  const code = isQError(cause, 'compacted') ? 'compacted' : 'unavailable'
  return { code, message: 'the context of a notification cannot be read', cause }
}
