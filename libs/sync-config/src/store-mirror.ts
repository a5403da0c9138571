import { ConfigCache } from './config-cache.ts'
import type { ConfigChange } from './config-change.ts'
import type { ConfigCounters } from './config-counters.ts'
import type { DatabaseClock } from './database-clock.ts'
import { loadBuckets, readDigests } from './sql/digests.ts'
import type { Executor } from './sql/executor.ts'
import { loadChanges, loadNextChanges } from './sql/load-changes.ts'
import { loadEntries } from './sql/load-entries.ts'
import type { Head } from './sql/store-head.ts'
import type { StoredChange } from './sql/stored-rows.ts'
import type { SyncConfigSettings } from './sync-config-options.ts'

/** Under writes without a pause, a comparison may find no moment; the next heartbeat tries again. */
const mostComparisons = 10

export interface MirrorParts {
  readonly settings: Pick<SyncConfigSettings, 'names' | 'onProblem'>
  readonly counters: ConfigCounters
  readonly clock: DatabaseClock
  readonly publish: (changes: readonly ConfigChange[]) => void
}

/** A cache, and how it is brought up to the table. One call at a time, but for `applyOwn`. */
export class StoreMirror {
  readonly cache = new ConfigCache()
  readonly #parts: MirrorParts
  /** What is announced meanwhile may be missing in what is being read. */
  isLoading = false
  #storeId: string | undefined

  constructor(parts: MirrorParts) {
    this.#parts = parts
  }

  /** Empty until it was loaded. */
  get storeId(): string {
    return this.#storeId ?? ''
  }

  /** Applies changes that were committed here, if they are the next. Their history was not read, so they must be all of their revision. */
  applyOwn(changes: readonly StoredChange[]): void {
    const [first] = changes
    if (first !== undefined && !this.isLoading && first.revision === this.cache.revision + 1) {
      this.#publish(this.cache.apply(first.revision, changes))
    }
  }

  /**
   * Applies all that was committed: by the history, or by reading everything if that does not lead there.
   *
   * @param announced the newest revision that was announced
   */
  async bring(connection: Executor, announced?: number): Promise<void> {
    const isLed = this.#storeId !== undefined && (await this.#followHistory(connection, announced))
    if (!isLed) await this.#load(connection)
  }

  /**
   * Compares with the rows of the table, whatever its history says.
   *
   * @param repair reads the buckets that differ
   * @returns whether nothing differed
   */
  async compare(connection: Executor, repair: boolean): Promise<boolean> {
    let isReported = false
    for (let attempt = 0; attempt < mostComparisons; attempt++) {
      const { head, buckets } = await readDigests(connection, this.#parts.settings.names)
      this.#parts.clock.set(head.nowMs)
      if (!this.#isAt(head)) {
        await this.bring(connection)
        continue
      }
      const differing = this.cache.differing(buckets)
      if (differing.length === 0) return true
      if (!isReported) this.#reportMismatch(differing.length)
      isReported = true
      if (!repair || (await this.#readBuckets(connection, differing))) return false
    }
    return false
  }

  #isAt(head: Head): boolean {
    return head.storeId === this.#storeId && head.revision === this.cache.revision
  }

  #reportMismatch(buckets: number): void {
    this.#parts.counters.mismatches += 1
    const message = `the cache differs from the table at revision ${this.cache.revision}, in ${buckets} of 256 buckets`
    this.#parts.settings.onProblem({ kind: 'mismatch', message })
  }

  async #readBuckets(connection: Executor, buckets: readonly number[]): Promise<boolean> {
    const { head, entries } = await loadBuckets(connection, this.#parts.settings.names, buckets)
    if (!this.#isAt(head)) return false
    this.#parts.counters.repairs += 1
    this.#publish(this.cache.replace(head.revision, entries, buckets))
    return true
  }

  /** False if the history does not lead from here to there. What was applied of it until then is right. */
  async #followHistory(connection: Executor, announced: number | undefined): Promise<boolean> {
    for (;;) {
      const known = this.cache.revision
      const load = announced === known + 1 ? loadNextChanges : loadChanges
      const { head, changes, until } = await load(connection, this.#parts.settings.names, known)
      const leads = head.storeId === this.#storeId && head.revision >= known && head.oldestRevision <= known + 1
      if (!leads) return false
      this.#parts.clock.set(head.nowMs)
      for (const [revision, ofRevision] of Map.groupBy(changes, ({ revision }) => revision)) {
        this.#publish(this.cache.apply(revision, ofRevision))
      }
      // The last revisions may have come to nothing, and have no changes.
      this.cache.apply(until, [])
      if (until === head.revision) return true
    }
  }

  async #load(connection: Executor): Promise<void> {
    this.isLoading = true
    try {
      const { head, entries } = await loadEntries(connection, this.#parts.settings.names)
      this.#parts.clock.set(head.nowMs)
      const changes = this.cache.replace(head.revision, entries)
      const isFirst = this.#storeId === undefined
      this.#storeId = head.storeId
      if (isFirst) return
      this.#parts.counters.reloads += 1
      this.#publish(changes)
    } finally {
      this.isLoading = false
    }
  }

  #publish(changes: readonly ConfigChange[]): void {
    this.#parts.counters.changes += changes.length
    if (changes.length > 0) this.#parts.publish(changes)
  }
}
