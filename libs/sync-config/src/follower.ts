import { setTimeout as delay } from 'node:timers/promises'
import { isQError } from '@qcore/errors'
import type { Pool } from 'pg'
import { Alarm } from './alarm.ts'
import type { ConfigCounters } from './config-counters.ts'
import type { DatabaseClock } from './database-clock.ts'
import { readError } from './database-error.ts'
import { HeldConnection, takeConnection } from './held-connection.ts'
import { runStatement } from './sql/executor.ts'
import { compactBatch, compactHistory, deleteExpired } from './sql/history.ts'
import { removeInstance, reportInstance } from './sql/instances.ts'
import { quoteIdentifier } from './store-names.ts'
import { ensureStore } from './store/ensure-store.ts'
import type { StoreMirror } from './store-mirror.ts'
import type { SyncConfigSettings } from './sync-config-options.ts'

/** A connection that died without a word, and a lost announcement, are noticed after this. */
const probeIntervalMs = 15_000
const firstReconnectMs = 50
/** So that not all instances delete the same expired entry at once. */
const expirySpreadMs = 200
/** The history is cut so often, or ten times in the time that it is kept. */
const compactIntervalMs = 3_600_000
/** The farewell of an instance that ends; without it the others forget it later. */
const farewellMs = 500
/** What runs at the end may take so long; then its connection is closed. */
const closeMs = 500
/** An announcement that comes before the answer to a change of ours waits so long for it, in milliseconds. */
const answerMs = 5

export interface FollowerParts {
  readonly pool: Pool
  readonly settings: SyncConfigSettings
  readonly mirror: StoreMirror
  readonly counters: ConfigCounters
  readonly clock: DatabaseClock
}

interface SyncRequest {
  readonly resolve: (inSync: boolean) => void
  readonly reject: (error: unknown) => void
}

/** Keeps a mirror equal to its table: over one connection at a time, with everything on it done in turn. */
export class Follower {
  /** Resolved when the store was first loaded; rejected by an error that no waiting mends. */
  readonly loaded = Promise.withResolvers<void>()
  /** Whether announcements arrive, and all of them were applied. */
  isLive = false
  /** The last thing that went wrong with the connection. */
  lastError: unknown
  /** When the cache was last found equal to the table, in milliseconds since 1970 on PostgreSQL's clock. */
  comparedAtMs: number | undefined
  readonly #parts: FollowerParts
  readonly #alarm = new Alarm()
  readonly #startBy: number
  #announced = 0
  #answersExpected = 0
  #syncRequests: SyncRequest[] = []
  #waiting: { revision: number; resolve: () => void }[] = []
  #heartbeatAt = 0
  #compactAt = 0
  #isCompacting = false
  #expireAt = Infinity
  #reported = ''

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#startBy = performance.now() + parts.settings.startTimeoutMs
  }

  /** Follows until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = 0
    while (!signal.aborted) {
      try {
        await this.#session(signal, () => (waitMs = firstReconnectMs))
      } catch (error) {
        this.#fail(error)
      }
      this.isLive = false
      this.#releaseWaiting(Infinity)
      waitMs = Math.min(Math.max(waitMs * 2, firstReconnectMs), this.#parts.settings.reconnectIntervalMs)
      // Aborted means that the wait is over.
      await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
    }
    const ended = readError(this.lastError)
    this.loaded.reject(ended)
    for (const { reject } of this.#syncRequests.splice(0)) reject(ended)
  }

  /** Looks again when something expires next. */
  reschedule(): void {
    this.#alarm.ring()
  }

  /**
   * Tells that the answer to a change is on its way, until it was applied: what is announced meanwhile is most likely that
   * change, which nobody needs to read.
   */
  expectAnswer(): Disposable {
    this.#answersExpected += 1
    return {
      [Symbol.dispose]: () => {
        this.#answersExpected -= 1
        this.#ringIfBehind()
      },
    }
  }

  /** Waits until a revision was applied, or the connection is lost. */
  async reach(revision: number): Promise<void> {
    if (!this.isLive || this.#parts.mirror.cache.revision >= revision) return
    this.#announced = Math.max(this.#announced, revision)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ revision, resolve })
    this.#alarm.ring()
    await promise
  }

  /** Compares with the table, and repairs. Returns whether nothing differed. */
  async sync(): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#syncRequests.push({ resolve, reject })
    this.#alarm.ring()
    return promise
  }

  #fail(error: unknown): void {
    this.lastError = error
    for (const { reject } of this.#syncRequests.splice(0)) reject(readError(error))
    const isLate = performance.now() >= this.#startBy
    if (isLate || isQError(error, 'configuration')) this.loaded.reject(readError(error))
    this.#parts.settings.onProblem({ kind: 'connection', message: 'the connection to PostgreSQL was lost', error })
  }

  async #session(signal: AbortSignal, onConnected: () => void): Promise<void> {
    const { pool, settings, mirror } = this.#parts
    using parts = new DisposableStack()
    const connection = parts.use(new HeldConnection(await takeConnection(pool, signal)))
    closeAfterAbort(connection, signal, parts)
    const stop = AbortSignal.any([signal, connection.broken])
    connection.client.on('notification', ({ payload = '' }) => this.#hear(payload))
    await ensureStore(connection.client, settings.names, settings)
    // A plan of its own for every look at the history would cost more than the look.
    await runStatement(connection.client, 'set plan_cache_mode = force_generic_plan')
    // First listen, then read: whatever is committed from here on is announced.
    if (settings.enableNotification)
      await runStatement(connection.client, `listen ${quoteIdentifier(settings.channel)}`)
    if (mirror.storeId !== '') {
      this.#parts.counters.reconnects += 1
      this.#heartbeatAt = 0
    } else {
      this.#scheduleHeartbeat()
    }
    await mirror.bring(connection.client)
    this.isLive = true
    this.loaded.resolve()
    onConnected()
    await this.#report(connection)
    while (!stop.aborted) await this.#turn(connection, stop)
    if (!signal.aborted) throw connection.broken.reason
    await this.#leave(connection)
  }

  #hear(payload: string): void {
    const { mirror, counters } = this.#parts
    // Whose announcement it is will be known when the store is loaded.
    if (mirror.isLoading) this.#announced = Number.MAX_SAFE_INTEGER
    const [storeId, revision = ''] = payload.split(' ')
    if (storeId !== mirror.storeId || !/^\d+$/.test(revision)) return
    counters.notifications += 1
    this.#announced = Math.max(this.#announced, Number(revision))
    if (this.#answersExpected === 0) this.#ringIfBehind()
    else setTimeout(() => this.#ringIfBehind(), answerMs).unref()
  }

  #ringIfBehind(): void {
    if (this.#isBehind) this.#alarm.ring()
  }

  get #isBehind(): boolean {
    return this.#announced > this.#parts.mirror.cache.revision
  }

  /** Does what is due, the rarest first, or waits until something is. */
  async #turn(connection: HeldConnection, stop: AbortSignal): Promise<void> {
    const { mirror, settings, clock } = this.#parts
    if (this.#syncRequests.length > 0) {
      await this.#answerSyncRequests(connection)
    } else if (performance.now() >= this.#heartbeatAt) {
      await this.#heartbeat(connection)
    } else if (clock.nowMs >= this.#expireAt && clock.nowMs >= mirror.cache.nextExpiryMs) {
      this.#expireAt = Infinity
      await deleteExpired(connection.client, settings.names, settings.instanceId)
      await mirror.bring(connection.client)
    } else if (this.#isBehind) {
      // An announcement may claim more than there is.
      const announced = this.#announced
      this.#announced = 0
      await mirror.bring(connection.client, announced)
    } else if (this.#isCompacting) {
      await this.#compact(connection)
    } else {
      await this.#wait(connection, stop)
    }
    this.#releaseWaiting(mirror.cache.revision)
  }

  async #wait(connection: HeldConnection, stop: AbortSignal): Promise<void> {
    this.#scheduleExpiry()
    const untilExpiryMs = this.#expireAt - this.#parts.clock.nowMs
    const untilHeartbeatMs = this.#heartbeatAt - performance.now()
    const untilDueMs = Math.min(untilExpiryMs, untilHeartbeatMs)
    const rang = await this.#alarm.wait(Math.min(untilDueMs, probeIntervalMs), stop)
    if (rang || stop.aborted || untilDueMs <= probeIntervalMs) return
    await this.#parts.mirror.bring(connection.client)
    await this.#report(connection)
  }

  async #answerSyncRequests(connection: HeldConnection): Promise<void> {
    const requests = this.#syncRequests.splice(0)
    try {
      await this.#parts.mirror.bring(connection.client)
      const inSync = await this.#parts.mirror.compare(connection.client, true)
      this.comparedAtMs = this.#parts.clock.nowMs
      for (const { resolve } of requests) resolve(inSync)
    } catch (error) {
      for (const { reject } of requests) reject(readError(error))
      throw error
    }
    await this.#report(connection)
  }

  async #heartbeat(connection: HeldConnection): Promise<void> {
    const { mirror, settings, clock } = this.#parts
    this.#scheduleHeartbeat()
    const inSync = await mirror.compare(connection.client, settings.syncOnMismatch)
    if (inSync || settings.syncOnMismatch) this.comparedAtMs = clock.nowMs
    this.#reported = ''
    await this.#report(connection)
    this.#isCompacting ||= performance.now() >= this.#compactAt
  }

  /** Cuts a piece off the history. What comes meanwhile goes before the next piece. */
  async #compact(connection: HeldConnection): Promise<void> {
    const { settings } = this.#parts
    this.#compactAt = performance.now() + Math.min(compactIntervalMs, settings.historyMs / 10)
    const dropped = await compactHistory(connection.client, settings.names, settings.historyMs)
    this.#isCompacting = dropped >= compactBatch
  }

  /** Not all instances at one moment. */
  #scheduleHeartbeat(): void {
    this.#heartbeatAt = performance.now() + this.#parts.settings.heartbeatIntervalMs * (0.8 + Math.random() / 5)
  }

  #scheduleExpiry(): void {
    const { nextExpiryMs } = this.#parts.mirror.cache
    if (nextExpiryMs === Infinity) this.#expireAt = Infinity
    else if (this.#expireAt < nextExpiryMs || this.#expireAt > nextExpiryMs + expirySpreadMs) {
      this.#expireAt = nextExpiryMs + Math.random() * expirySpreadMs
    }
  }

  async #report(connection: HeldConnection): Promise<void> {
    const { settings, mirror } = this.#parts
    const { revision, digest, size: entries } = mirror.cache
    const present = `${revision} ${digest}`
    if (present === this.#reported) return
    const { instanceId, heartbeatIntervalMs } = settings
    const heartbeatMs = Math.ceil(heartbeatIntervalMs)
    await reportInstance(connection.client, settings.names, { instanceId, revision, digest, entries, heartbeatMs })
    this.#reported = present
  }

  async #leave(connection: HeldConnection): Promise<void> {
    const { settings } = this.#parts
    const farewell = removeInstance(connection.client, settings.names, settings.instanceId)
    // The others drop the report of an instance that does not say farewell.
    await Promise.race([farewell, delay(farewellMs, undefined, { ref: false })]).catch(() => undefined)
  }

  #releaseWaiting(revision: number): void {
    const reached = this.#waiting.filter((waiter) => waiter.revision <= revision)
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > revision)
    for (const { resolve } of reached) resolve()
  }
}

/** Nobody who ends waits for an answer that does not come. */
function closeAfterAbort(connection: HeldConnection, signal: AbortSignal, parts: DisposableStack): void {
  let timer: NodeJS.Timeout | undefined
  const close = (): void => {
    timer = setTimeout(() => connection[Symbol.dispose](), closeMs)
  }
  signal.addEventListener('abort', close)
  parts.defer(() => {
    signal.removeEventListener('abort', close)
    clearTimeout(timer)
  })
}
