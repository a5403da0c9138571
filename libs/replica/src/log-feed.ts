import { loadLogSince, type Executor, type LogPage } from '@qcore/database'
import { logSubject } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { followNats, untilAborted, type Logger } from '@qcore/service'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { coalesce } from './coalesce.ts'
import { LogRecord, splitBatch, type RecordBatch } from './log-record.ts'
import { EarlyRecords } from './early-records.ts'
import { RevisionWaiters } from './revision-waiters.ts'

export interface LogFeedOptions {
  connection: NatsConnection
  /** Reads the log table. */
  pool: Executor
  store: string
  logger: Logger
}

/** Who follows the log. Both are called synchronously and must not throw. */
export interface LogFollower {
  /** Gets every revision once, in order, beginning after the one that `start` gave. */
  apply(record: LogRecord): void
  /**
   * The log is another one, or the revisions that come next were compacted: what was derived from it is void.
   * `appliedRevision` and `logId` are already the new ones; the next record is the one after.
   */
  onReplaced(): void
}

/**
 * The commits of a store as they happen: live messages, and the log table for whatever they leave out.
 * Nothing is missed and nothing comes twice, whatever is lost, doubled or reordered on the way.
 */
export interface LogFeed extends AsyncDisposable {
  /** Begins. Gives the revision that it is live from: the head at that moment. Called once. */
  start(follower: LogFollower): Promise<number>
  /** The newest revision that the follower has applied. */
  readonly appliedRevision: number
  /** Identifies the history that the revisions belong to. */
  readonly logId: string
  /** Milliseconds since the feed last knew that it had applied all that was committed, or was given the next commit. */
  readonly lagMs: number
  /**
   * Waits until a revision is applied. When the feed lags, the log is asked at once.
   *
   * @throws QError `future_revision` if the log ends before it, `log_replaced`; `deadline_exceeded` when the signal
   *   fires, `unavailable` when the feed is disposed
   */
  waitFor(revision: number, signal: AbortSignal): Promise<void>
  /** Looks at the log now, and applies what it has. Throws what PostgreSQL throws. */
  catchUp(): Promise<void>
}

/** The backstop: how often the log is looked at when nothing else asks for it. */
const pollMs = 1_000
/** A live message is usually this close behind its commit: sooner, a question to the log would be wasted. */
const liveGraceMs = 2
/** How long the start waits for NATS to confirm the subscription; the poll fills what is missed without. */
const subscribeTimeoutMs = 2_000

/** Opens a feed of the store's log. */
export function openLogFeed(options: LogFeedOptions): LogFeed {
  return new LiveLogFeed(options)
}

class LiveLogFeed implements LogFeed {
  readonly #options: LogFeedOptions
  readonly #subscription: Subscription
  readonly #waiters = new RevisionWaiters()
  readonly #early = new EarlyRecords()
  readonly #stopped = new AbortController()
  #follower: LogFollower | undefined
  #applied = 0
  #logId = ''
  #currentAtMs = performance.now()
  /** The follower failed: nothing is applied until it starts over. */
  #failed = false
  #unread = false
  #running: Promise<void> = Promise.resolve()
  #poll: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined
  #statuses: Disposable | undefined
  #beforeStart: RecordBatch[] = []

  constructor(options: LogFeedOptions) {
    this.#options = options
    this.#subscription = options.connection.subscribe(logSubject(options.store), {
      callback: (error, message) => {
        if (error === null) this.#onMessage(message.data)
      },
    })
  }

  get appliedRevision(): number {
    return this.#applied
  }

  get logId(): string {
    return this.#logId
  }

  get lagMs(): number {
    return performance.now() - this.#currentAtMs
  }

  async start(follower: LogFollower): Promise<number> {
    const { connection, pool } = this.#options
    // Subscribed first, then read: what is committed in between comes as a message.
    await within(connection.flush(), subscribeTimeoutMs)
    const head = await loadLogSince(pool, Number.MAX_SAFE_INTEGER)
    this.#follower = follower
    this.#applied = head.revision
    this.#logId = head.logId
    this.#currentAtMs = performance.now()
    const batches = this.#beforeStart
    this.#beforeStart = []
    for (const batch of batches) this.#receive(batch)
    this.#poll = setInterval(() => this.#catchUpSoon(), pollMs)
    this.#statuses = followNats(connection, (type) => {
      if (type === 'reconnect') this.#catchUpSoon()
    })
    return head.revision
  }

  async waitFor(revision: number, signal: AbortSignal): Promise<void> {
    if (this.#applied >= revision) return
    this.#stopped.signal.throwIfAborted()
    const applied = this.#waiters.add(revision, signal)
    this.#grace ??= setTimeout(() => {
      this.#grace = undefined
      if (!this.#waiters.isEmpty) this.#catchUpSoon()
    }, liveGraceMs)
    await applied
  }

  readonly catchUp = coalesce(() => (this.#running = this.#readToHead()))

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new QError('unavailable', 'the log feed is stopping'))
    clearInterval(this.#poll)
    clearTimeout(this.#grace)
    this.#statuses?.[Symbol.dispose]()
    if (!this.#options.connection.isClosed()) this.#subscription.unsubscribe()
    this.#waiters.rejectAll(new QError('unavailable', 'the log feed is stopping'))
    await this.#running.catch(() => undefined)
  }

  #onMessage(bytes: Uint8Array): void {
    try {
      const batch = splitBatch(bytes)
      if (this.#follower === undefined) this.#beforeStart.push(batch)
      else this.#receive(batch)
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a message of the log cannot be read')
      this.#catchUpSoon()
    }
  }

  #receive({ logId, records }: RecordBatch): void {
    if (logId !== this.#logId) return this.#catchUpSoon()
    for (const record of records) this.#offer(record)
    this.#drain()
    if (this.#early.isEmpty) this.#currentAtMs = performance.now()
    else this.#catchUpSoon()
  }

  #offer(record: LogRecord): void {
    if (record.revision === this.#applied + 1) this.#apply(record)
    else if (record.revision > this.#applied) this.#early.add(record)
  }

  #drain(): void {
    this.#early.dropUpTo(this.#applied)
    for (
      let next = this.#early.take(this.#applied + 1);
      next !== undefined;
      next = this.#early.take(this.#applied + 1)
    ) {
      this.#apply(next)
    }
  }

  #apply(record: LogRecord): void {
    if (this.#failed || this.#stopped.signal.aborted) return
    try {
      this.#follower?.apply(record)
    } catch (error) {
      this.#options.logger.error({ err: error, revision: record.revision }, 'a commit cannot be applied')
      this.#failed = true
      this.#catchUpSoon()
      return
    }
    this.#applied = record.revision
    this.#waiters.resolveUpTo(record.revision)
  }

  #catchUpSoon(): void {
    if (this.#follower === undefined || this.#stopped.signal.aborted) return
    this.catchUp().catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return
      if (!this.#unread) this.#options.logger.warn({ err: error }, 'the log cannot be read')
      this.#unread = true
    })
  }

  async #readToHead(): Promise<void> {
    const askedBefore = this.#waiters.all()
    for (;;) {
      if (this.#stopped.signal.aborted) return
      const since = this.#applied
      const page = await untilAborted(loadLogSince(this.#options.pool, since), this.#stopped.signal)
      if (this.#unread) this.#options.logger.info('the log can be read again')
      this.#unread = false
      if (this.#failed || isReplaced(page, { logId: this.#logId, since })) return this.#startOver(page)
      for (const { revision, record } of page.records) this.#offer(new LogRecord(revision, record))
      this.#drain()
      if (this.#failed) continue
      if (this.#applied >= page.revision) break
    }
    this.#currentAtMs = performance.now()
    this.#waiters.reject(askedBefore, (revision) => {
      return new QError(
        'future_revision',
        `revision ${revision} was not committed yet; the newest is ${this.#applied}`,
        {
          metadata: { newest_revision: `${this.#applied}` },
        },
      )
    })
  }

  #startOver(page: LogPage): void {
    this.#options.logger.warn({ logId: page.logId, revision: page.revision }, 'the log was replaced')
    this.#failed = false
    this.#applied = page.revision
    this.#logId = page.logId
    this.#currentAtMs = performance.now()
    this.#early.clear()
    this.#waiters.rejectAll(new QError('log_replaced', 'the history of the store was replaced'))
    this.#follower?.onReplaced()
  }
}

/** Whether a page is not the continuation of what was applied. */
function isReplaced(page: LogPage, { logId, since }: { logId: string; since: number }): boolean {
  if (page.logId !== logId || page.revision < since) return true
  return page.revision > since && page.records[0]?.revision !== since + 1
}

async function within(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)))])
  clearTimeout(timer)
}
