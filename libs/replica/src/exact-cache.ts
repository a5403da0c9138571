import { LRUCache } from 'lru-cache'
import { readDatabase } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { BatchLoader } from './batch-loader.ts'
import type { LogFeed } from './log-feed.ts'
import type { LogRecord } from './log-record.ts'
import type { RecordHistory } from './record-history.ts'

/** Something cached. */
export interface Sized {
  /** About how many bytes of memory it takes. */
  readonly size: number
  /** The size that the cache reckons with. */
  accountedSize: number
}

/** What a load found. */
export interface Loaded<V> {
  /** Of the snapshot. */
  readonly revision: number
  readonly logId: string
  /** The value of a key as of that revision. Called once the feed has applied the revision. */
  valueOf(key: string): V
}

/** A smaller change of a value's size, as a part of it, is not worth making it the most recently used. */
const sizeTolerance = 1 / 8

/** Whether the types are known. */
export interface TypesKnown {
  areKnown(): boolean
  /** Throws `unavailable` if they never will be. */
  whenKnown(): Promise<void>
}

export interface ExactCacheOptions<V extends Sized> {
  feed: LogFeed
  history: RecordHistory
  mostBytes: number
  /** What values are made with; they are unknown for a moment after the log was replaced. */
  types: TypesKnown
  /** Loads values of one snapshot that begins after the call. */
  load(keys: readonly string[]): Promise<Loaded<V>>
  /** Whether a commit can be applied to values that were loaded before it; if not, they are loaded again. */
  canReplay(record: LogRecord): boolean
  /** Applies a commit to a value that was loaded before it. */
  replay(key: string, value: V, record: LogRecord): void
}

/** How long a load may wait for the feed, and how often it is tried: longer, and something else is broken. */
const loadTimeoutMs = 10_000
const loadAttempts = 5

/**
 * Values by key, the least recently used left out above a number of bytes, each exactly as of the feed's applied
 * revision: a loaded value enters only when the feed is there, with the commits since its snapshot applied to it.
 */
export class ExactCache<V extends Sized> {
  readonly #options: ExactCacheOptions<V>
  readonly #recent: LRUCache<string, V>
  /** Values that somebody reads at the moment, with how many do. They stay, and stay exact, whatever is left out. */
  readonly #pinned = new Map<string, { readers: number; value: V | undefined }>()
  readonly #loader: BatchLoader
  hits = 0
  misses = 0

  constructor(options: ExactCacheOptions<V>) {
    this.#options = options
    this.#recent = new LRUCache({
      maxSize: options.mostBytes,
      sizeCalculation: (value) => (value.accountedSize = Math.max(1, value.size)),
    })
    this.#loader = new BatchLoader((keys) => this.#loadBatch(keys))
  }

  /** The number of values. */
  get length(): number {
    return this.#recent.size
  }

  /** About how many bytes of memory the values take. */
  get bytes(): number {
    return this.#recent.calculatedSize
  }

  /** The value of a key, for reading at the applied revision. */
  get(key: string): V | undefined {
    const value = this.#recent.get(key) ?? this.#pinned.get(key)?.value
    if (value === undefined) this.misses++
    else this.hits++
    return value
  }

  /** The value of a key, for keeping it exact. */
  peek(key: string): V | undefined {
    return this.#recent.peek(key) ?? this.#pinned.get(key)?.value
  }

  /** Whether nothing is here, and nothing is about to be. */
  get isEmpty(): boolean {
    return this.#recent.size === 0 && this.#pinned.size === 0
  }

  /** Says that a value was changed in place. */
  changed(key: string, value: V): void {
    if (Math.abs(value.size - value.accountedSize) <= value.accountedSize * sizeTolerance) return
    if (this.#recent.peek(key) === value) {
      this.#recent.delete(key)
      this.#recent.set(key, value)
    }
  }

  /** All values, each once. */
  *entries(): Iterable<[string, V]> {
    yield* this.#recent.entries()
    for (const [key, { value }] of this.#pinned) if (value !== undefined && !this.#recent.has(key)) yield [key, value]
  }

  /** Keeps the value of a key, now or once it is loaded, until `unpin`. */
  pin(key: string): void {
    const pinned = this.#pinned.get(key)
    if (pinned === undefined) this.#pinned.set(key, { readers: 1, value: this.#recent.peek(key) })
    else pinned.readers++
  }

  unpin(key: string): void {
    const pinned = this.#pinned.get(key)
    if (pinned === undefined) return
    pinned.readers--
    if (pinned.readers === 0) this.#pinned.delete(key)
  }

  /** Loads a key's value if it is not here. Many at once make one statement. */
  async load(key: string): Promise<void> {
    if (this.peek(key) === undefined) await this.#loader.load(key)
  }

  /** Forgets values. */
  forget(isMeant: (value: V) => boolean): void {
    for (const [key, value] of this.#recent.entries()) if (isMeant(value)) this.#recent.delete(key)
    for (const pinned of this.#pinned.values()) {
      if (pinned.value !== undefined && isMeant(pinned.value)) pinned.value = undefined
    }
  }

  clear(): void {
    this.#recent.clear()
    for (const pinned of this.#pinned.values()) pinned.value = undefined
  }

  async #loadBatch(keys: readonly string[]): Promise<void> {
    for (let attempt = 1; attempt <= loadAttempts; attempt++) {
      if (await this.#tryLoad(keys)) return
    }
    throw new QError('unavailable', 'the store changes too fast, or the log is behind it; nothing was read')
  }

  /** False: the log was replaced meanwhile, more was committed than is kept, or a type was altered. */
  async #tryLoad(keys: readonly string[]): Promise<boolean> {
    const { feed, history, types } = this.#options
    if (!types.areKnown()) await types.whenKnown()
    const logId = feed.logId
    const release = history.hold(feed.appliedRevision)
    try {
      const loaded = await readDatabase(this.#options.load(keys))
      if (loaded.logId !== feed.logId) await readDatabase(feed.catchUp())
      if (loaded.logId !== feed.logId || feed.logId !== logId) return false
      await feed.waitFor(loaded.revision, AbortSignal.timeout(loadTimeoutMs))
      const records = history.after(loaded.revision)
      if (records === undefined || feed.logId !== logId || !types.areKnown()) return false
      if (!records.every((record) => this.#options.canReplay(record))) return false
      for (const key of keys) this.#enter(key, loaded.valueOf(key), records)
      return true
    } catch (error) {
      if (isQError(error, 'log_replaced')) return false
      throw error
    } finally {
      release()
    }
  }

  #enter(key: string, value: V, records: readonly LogRecord[]): void {
    for (const record of records) this.#options.replay(key, value, record)
    this.#recent.set(key, value)
    const pinned = this.#pinned.get(key)
    if (pinned !== undefined) pinned.value = value
  }
}
