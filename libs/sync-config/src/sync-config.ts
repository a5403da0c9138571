import { QError } from '@qcore/errors'
import type { PoolClient } from 'pg'
import { ConfigCounters } from './config-counters.ts'
import { ConfigReader } from './config-reader.ts'
import { checkKey, encodeMutations, type ConfigMutation, type SetOptions, type WriteOptions } from './config-writes.ts'
import { Connections } from './connections.ts'
import { DatabaseClock } from './database-clock.ts'
import { formatDigest } from './digest.ts'
import { Follower } from './follower.ts'
import type { ConfigChange } from './config-change.ts'
import { readHistory, type HistoryEntry, type HistoryOptions } from './read-history.ts'
import { commitChanges, rollBack, type CommittedChange } from './sql/commit-changes.ts'
import { loadInstances, type InstanceState } from './sql/instances.ts'
import { loadPastChanges, type ChangePage, type PastChange } from './sql/load-changes.ts'
import { loadHistoryPage, type HistoryPageRequest, type PlatformHistoryRecord } from './sql/load-history-page.ts'
import { loadTable, type TableState } from './sql/load-table.ts'
import { loadValuesAt, type FormerValue } from './sql/load-values-at.ts'
import { readHead, type Head } from './sql/store-head.ts'
import { StoreMirror } from './store-mirror.ts'
import { Subscribers, type ChangeCallback } from './subscribers.ts'
import { readOptions, type SyncConfigOptions, type SyncConfigSettings } from './sync-config-options.ts'
import type { JsonValue } from '@qcore/json'
import { seedChecksum } from './value/seed-checksum.ts'

/** What became of a write. */
export interface WriteResult {
  /** Of the entry, after the write. */
  readonly revision: number
  /** False if everything was so already. */
  readonly changed: boolean
  /** Whether the key was there before. */
  readonly existed: boolean
}

/** Gets the changes of a revision. */
export type ChangesListener = (changes: readonly ConfigChange[]) => void

export interface ConfigHealth {
  /** `degraded`: reads answer from memory as it was; writes fail until PostgreSQL is back. */
  readonly status: 'healthy' | 'degraded'
  readonly connected: boolean
  readonly revision: number
  readonly digest: string
  readonly crc: number
  readonly count: number
  /** When the cache was last compared with the table, on PostgreSQL's clock. Undefined before the first heartbeat. */
  readonly lastSync: Date | undefined
  /** Why it is not connected. */
  readonly error: unknown
}

/**
 * Opens a store, makes its tables if need be, and loads it.
 *
 * @throws QError `configuration` for a bad option, `unavailable` if PostgreSQL does not answer within `startTimeoutMs`
 */
export async function openSyncConfig(options: SyncConfigOptions): Promise<SyncConfig> {
  const config = new SyncConfig(options)
  try {
    await config.loaded
    return config
  } catch (error) {
    await config.shutdown()
    throw error
  }
}

/** A configuration in memory, equal to a table of PostgreSQL. `openSyncConfig` makes one that is loaded. */
export class SyncConfig extends ConfigReader implements AsyncDisposable {
  readonly counters: ConfigCounters
  readonly #settings: SyncConfigSettings
  readonly #connections: Connections
  readonly #mirror: StoreMirror
  readonly #subscribers: Subscribers
  readonly #listeners: Set<ChangesListener>
  readonly #follower: Follower
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #shutdown: Promise<void> | undefined
  #checksum = { version: -1, value: 0 }

  constructor(options: SyncConfigOptions) {
    const settings = readOptions(options)
    const counters = new ConfigCounters()
    const clock = new DatabaseClock()
    const subscribers = new Subscribers((error, { key }) => {
      counters.callbackErrors += 1
      settings.onProblem({ kind: 'callback', message: `a callback failed on a change of ${key}`, error })
    })
    const parts = { settings, counters, clock }
    const listeners = new Set<ChangesListener>()
    const publish = (changes: readonly ConfigChange[]): void => {
      for (const listener of listeners) listener(changes)
      subscribers.publish(changes)
    }
    const mirror = new StoreMirror({ ...parts, publish })
    super(mirror.cache.entries, clock, settings.onProblem)
    this.counters = counters
    this.#settings = settings
    this.#connections = new Connections(options)
    this.#mirror = mirror
    this.#subscribers = subscribers
    this.#listeners = listeners
    this.#follower = new Follower({ ...parts, pool: this.#connections.pool, mirror })
    // Whoever opens it waits for this; a rejection before that is no unhandled one.
    this.loaded.catch(() => undefined)
    this.#running = this.#follower.run(this.#stop.signal)
  }

  /** Resolved when the store was loaded. Before that it is empty. */
  get loaded(): Promise<void> {
    return this.#follower.loaded.promise
  }

  get instanceId(): string {
    return this.#settings.instanceId
  }

  /** Everything up to this revision was applied. */
  get revision(): number {
    return this.#mirror.cache.revision
  }

  /** Differs from that of every other store, and of a store that was dropped and made anew. */
  get storeId(): string {
    return this.#mirror.storeId
  }

  /** Stores a value. It is committed, and this instance reads it, when the promise is resolved. */
  async set(key: string, value: JsonValue, options: SetOptions = {}): Promise<WriteResult> {
    return only(await this.commit([{ key, value, ...options }], options))
  }

  /** Deletes a key. `existed` is false if it was not there; then nothing was done. */
  async delete(key: string, options: WriteOptions = {}): Promise<WriteResult> {
    return only(await this.commit([{ key, delete: true, ...options }], options))
  }

  /** Makes several changes as one revision, or none of them. No key twice. */
  async commit(mutations: readonly ConfigMutation[], options: { author?: string } = {}): Promise<WriteResult[]> {
    this.#assertOpen()
    const changes = encodeMutations(mutations)
    const origin = this.#settings.instanceId
    const author = options.author ?? this.#settings.author
    const committed = await this.#write((client) =>
      commitChanges(client, this.#settings.names, { changes, author, origin }),
    )
    return this.#reached(committed)
  }

  /**
   * Gives all keys, or one, the values that they had at a revision, as a new revision. Expiries are not restored.
   *
   * @throws QError `compacted` or `future_revision` if the history does not hold the revision
   */
  async rollback(revision: number, options: { key?: string; author?: string } = {}): Promise<WriteResult[]> {
    this.#assertOpen()
    const { names, instanceId: origin } = this.#settings
    const { key, author = this.#settings.author } = options
    if (key !== undefined) checkKey(key)
    await this.assertHeld(revision)
    const committed = await this.#write((client) => rollBack(client, names, { revision, key, author, origin }))
    return (await this.#reached(committed)).filter(({ changed }) => changed)
  }

  /** What was changed, the newest first; of one key, or of all. */
  async history(key?: string, options: HistoryOptions = {}): Promise<HistoryEntry[]> {
    this.#assertOpen()
    if (key !== undefined) checkKey(key)
    return this.#connections.read((client) => readHistory(client, this.#settings.names, key, options))
  }

  /**
   * Calls back after every change, in order, one at a time; what the callback returns is waited for. Not for what is there already.
   *
   * @param prefix of the keys whose changes are of interest. Default: all
   * @returns what `unsubscribe` takes
   */
  subscribe(callback: ChangeCallback, { prefix = '' } = {}): string {
    this.#assertOpen()
    return this.#subscribers.add(callback, prefix)
  }

  /** No callback begins after this. No effect if the id is unknown. */
  unsubscribe(id: string): void {
    this.#subscribers.remove(id)
  }

  /**
   * Calls a function with all changes of a revision at once, while they are applied; it must not throw. Disposing ends it.
   * Changes that a comparison found have no author, and may be of the revision before.
   */
  listen(listener: ChangesListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /**
   * Waits until a revision was applied.
   *
   * @throws QError `future_revision` if there is no such revision yet, `unavailable` if PostgreSQL cannot be reached
   */
  async reach(revision: number): Promise<void> {
    if (this.revision >= revision) return
    const head = await this.#newestHead()
    if (head.revision < revision) {
      throw new QError('future_revision', `the newest revision is ${head.revision}`, { field: 'revision' })
    }
    await this.#follower.reach(revision)
    if (this.revision < revision) throw new QError('unavailable', 'the connection to PostgreSQL is lost')
  }

  /** Waits until everything was applied that is committed by now. Throws `unavailable` if PostgreSQL cannot be reached. */
  async catchUp(): Promise<void> {
    const head = await this.#newestHead()
    await this.reach(head.revision)
  }

  /**
   * Checks that the history has all changes after a revision.
   *
   * @throws QError `compacted` or `future_revision`
   */
  async assertHeld(revision: number): Promise<void> {
    this.#assertOpen()
    const head = await this.#connections.read((client) => readHead(client, this.#settings.names))
    if (!(Number.isInteger(revision) && revision <= head.revision)) {
      throw new QError('future_revision', `the newest revision is ${head.revision}`, { field: 'revision' })
    }
    if (revision + 1 < head.oldestRevision) {
      throw new QError('compacted', `the history begins at revision ${head.oldestRevision}`, { field: 'revision' })
    }
  }

  /** Changes after a revision, as JSON texts; as many as go into one page. */
  async changesAfter(revision: number): Promise<ChangePage<PastChange>> {
    this.#assertOpen()
    return this.#connections.read((client) => loadPastChanges(client, this.#settings.names, revision))
  }

  /** What was changed, as JSON texts, page by page. */
  async historyPage(request: HistoryPageRequest): Promise<PlatformHistoryRecord[]> {
    this.#assertOpen()
    return this.#connections.read((client) => loadHistoryPage(client, this.#settings.names, request))
  }

  /**
   * What keys held at a revision: those that changed since.
   *
   * @throws QError `compacted` or `future_revision` if the history does not hold the revision
   */
  async valuesAt(revision: number, which: { key: string; prefix: string; limit: number }): Promise<FormerValue[]> {
    await this.assertHeld(revision)
    return this.#connections.read((client) => loadValuesAt(client, this.#settings.names, { revision, ...which }))
  }

  /** The table, and what every instance has of it. */
  async tableState(): Promise<TableState> {
    this.#assertOpen()
    return this.#connections.read((client) => loadTable(client, this.#settings.names))
  }

  /** Compares with the table, and repairs what differs. Returns whether nothing did. */
  async sync(): Promise<boolean> {
    this.#assertOpen()
    return this.#follower.sync()
  }

  /** The checksum of SyncConfig. `getDigest` is cheaper, and the one that the heartbeat compares. */
  getCRC(): number {
    const { cache } = this.#mirror
    if (this.#checksum.version !== cache.version) {
      const entries = [...cache.entries].map(([key, { value }]) => [key, value] as const)
      this.#checksum = { version: cache.version, value: seedChecksum(entries) }
    }
    return this.#checksum.value
  }

  /** Sixteen hexadecimal digits; the same on all instances that hold the same. */
  getDigest(): string {
    return formatDigest(this.#mirror.cache.digest)
  }

  health(): ConfigHealth {
    const { isLive, lastError, comparedAtMs } = this.#follower
    return {
      status: isLive ? 'healthy' : 'degraded',
      connected: isLive,
      revision: this.revision,
      digest: this.getDigest(),
      crc: this.getCRC(),
      count: this.#mirror.cache.size,
      lastSync: comparedAtMs === undefined ? undefined : new Date(comparedAtMs),
      error: isLive ? undefined : lastError,
    }
  }

  /** All instances that follow the store, as they last reported. */
  async instances(): Promise<InstanceState[]> {
    this.#assertOpen()
    return this.#connections.read((client) => loadInstances(client, this.#settings.names))
  }

  /** Ends everything within two seconds. Reads go on answering what was last known; all else fails. */
  shutdown(): Promise<void> {
    return (this.#shutdown ??= this.#end())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  async #end(): Promise<void> {
    this.#stop.abort()
    this.#subscribers.clear()
    this.#listeners.clear()
    await this.#running
    await this.#connections[Symbol.asyncDispose]()
  }

  /** The head of the table. One that this instance was not led to by the history, another store's or an earlier one, it has then loaded. */
  async #newestHead(): Promise<Head> {
    this.#assertOpen()
    const { revision } = this
    const head = await this.#connections.read((client) => readHead(client, this.#settings.names))
    const isElsewhere = head.storeId !== this.storeId || head.revision < revision
    if (isElsewhere && this.#follower.isLive) await this.#follower.sync()
    if (isElsewhere && !this.#follower.isLive) throw new QError('unavailable', 'the connection to PostgreSQL is lost')
    return head
  }

  /** Commits, and applies what was committed if it is the next. */
  async #write(commit: (client: PoolClient) => Promise<CommittedChange[]>): Promise<CommittedChange[]> {
    using _expected = this.#follower.expectAnswer()
    const committed = await this.#connections.write(commit)
    this.#mirror.applyOwn(committed.filter(({ changed }) => changed))
    return committed
  }

  /** Waits until what was committed was applied. */
  async #reached(committed: readonly CommittedChange[]): Promise<WriteResult[]> {
    if (committed.some(({ expiresUs }) => expiresUs !== '')) this.#follower.reschedule()
    await this.#follower.reach(Math.max(0, ...committed.map(({ revision }) => revision)))
    return committed.map(({ revision, changed, existed }) => ({ revision, changed, existed }))
  }

  #assertOpen(): void {
    if (this.#stop.signal.aborted) throw new QError('unavailable', 'the configuration was shut down; nothing was done')
  }
}

function only(results: readonly WriteResult[]): WriteResult {
  const [result] = results
  if (result === undefined) throw new Error('a change has a result')
  return result
}
