import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { registrationWakeSubject } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { Deliveries } from '../delivery/deliveries.ts'
import type { PublishGate } from '../delivery/publish-gate.ts'
import { registrationMetrics } from '../metrics.ts'
import { claimBuckets, readBuckets, releaseBuckets, type BucketRow } from '../sql/buckets.ts'
import { deleteEnded, endRegistration, expireRegistrations, storeAnnounced } from '../sql/end-registrations.ts'
import { loadRegistrationsSince } from '../sql/load-registrations.ts'
import { storePositions, type OwnPosition } from '../sql/positions.ts'
import { deleteAbsent, endPresence, readPresent, renewPresence } from '../sql/presence.ts'
import { preferredOwner } from './bucket.ts'
import { presenceLeaseMs, type OwnLease } from './own-lease.ts'

/** How often a notifier says that it is there, and looks at what it should deliver. */
const lookEveryMs = 400
const leastPauseMs = 10
/** How often leases are looked at that may be over. */
const expireEveryMs = 1_000
/** How long a stop may take to hand over. Beyond, PostgreSQL or NATS is not there, and others find out by themselves. */
const stopTimeoutMs = 1_000
/** How long registrations that have ended can be looked at. */
const endedKeptMs = 600_000
const cleanEveryMs = 60_000

export interface SharesOptions {
  /** Names this notifier: another one after every start. */
  readonly id: string
  readonly store: string
  readonly connection: NatsConnection
  /** Of its own, with statements that end soon. */
  readonly pool: Executor
  readonly feed: { readonly appliedRevision: number; readonly logId: string }
  readonly logger: Logger
  readonly lease: OwnLease
  readonly gate: PublishGate
  readonly deliveries: Deliveries
  /** Called last. */
  readonly release: () => Promise<void>
}

interface OwnBucket {
  readonly epoch: number
  /** What of it was loaded. */
  version: number
}

/**
 * The share of the registrations that this notifier has. It renews its presence, claims what nobody owns, hands over what others
 * should own, and stores how far it is.
 */
export class Shares implements AsyncDisposable {
  readonly #options: SharesOptions
  readonly #own = new Map<number, OwnBucket>()
  readonly #stopping = new AbortController()
  readonly #hints: Subscription
  #wake = Promise.withResolvers<void>()
  #expireAt = 0
  #cleanAt = performance.now() + cleanEveryMs
  #logId: string
  #isFailing = false
  readonly #done: Promise<void>
  #stopped: Promise<void> | undefined

  constructor(options: SharesOptions) {
    this.#options = options
    this.#logId = options.feed.logId
    this.#hints = options.connection.subscribe(registrationWakeSubject(options.store), {
      callback: () => this.lookSoon(),
    })
    this.#done = this.#run()
  }

  /** Something has changed. */
  lookSoon(): void {
    this.#wake.resolve()
  }

  /** Tells all notifiers, this one too, that something has changed. What is lost is noticed at the next look. */
  hint(): void {
    const { connection, store } = this.#options
    if (!connection.isClosed()) connection.publish(registrationWakeSubject(store))
    this.lookSoon()
  }

  /** Hands everything over. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake.resolve()
    const { connection, deliveries, lease, logger, release } = this.#options
    const handedOver = this.#done.then(() => this.#handOverAll())
    const inTime = await Promise.race([handedOver, delay(stopTimeoutMs, false)])
    if (!inTime) logger.warn('registrations could not be handed over; others wait for the lease to end')
    lease.end()
    deliveries.drop(new Set(this.#own.keys()))
    deliveries.tick()
    if (!connection.isClosed()) this.#hints.unsubscribe()
    await Promise.all([deliveries.whenStopped(), release()])
  }

  /** Gives whether it worked. */
  async #handOverAll(): Promise<boolean> {
    const { pool, id, gate, logger } = this.#options
    try {
      await this.#handOver(new Set(this.#own.keys()))
      await endPresence(pool, id)
      this.hint()
      return await gate.confirm()
    } catch (error) {
      logger.debug({ err: error }, 'registrations cannot be handed over')
      return false
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#look()
        if (this.#isFailing) this.#options.logger.info('registrations are looked at again')
        this.#isFailing = false
      } catch (error) {
        if (!this.#isFailing) this.#options.logger.warn({ err: error }, 'registrations cannot be looked at')
        this.#isFailing = true
      }
      await this.#rest()
    }
  }

  /** Until the next look, or a hint; a flood of hints is one. */
  async #rest(): Promise<void> {
    const resting = new AbortController()
    const rested = delay(lookEveryMs - leastPauseMs, undefined, { signal: resting.signal }).catch(() => undefined)
    await Promise.race([this.#wake.promise, rested])
    resting.abort()
    this.#wake = Promise.withResolvers()
    if (!this.#stopping.signal.aborted) await delay(leastPauseMs)
  }

  async #look(): Promise<void> {
    const { deliveries, gate, pool, id, lease, feed } = this.#options
    const askedAt = performance.now()
    const sent = deliveries.sentRevisions()
    // One that NATS does not answer delivers nothing: another one shall.
    if (!(await gate.confirm())) throw new Error('NATS does not answer')
    deliveries.confirm(sent)
    this.#followHistory()
    deliveries.ledger.sample(feed.appliedRevision)
    await renewPresence(pool, { id, leaseMs: presenceLeaseMs })
    const present = await readPresent(pool)
    const buckets = await readBuckets(pool)
    this.#dropLost(buckets)
    lease.extend(askedAt)
    gate.announce()
    const wanted = new Set(buckets.map(({ bucket }) => bucket).filter((each) => preferredOwner(each, present) === id))
    await this.#handOver(new Set([...this.#own.keys()].filter((bucket) => !wanted.has(bucket))))
    await this.#releaseForgotten(buckets, wanted)
    await this.#claim(
      buckets.filter((each) => wanted.has(each.bucket)),
      present,
    )
    await this.#load(buckets)
    await this.#end()
    await this.#expire()
    await this.#announce()
    await this.#storePositions()
    deliveries.tick()
  }

  /** Buckets that others have claimed, for this notifier was taken for gone. */
  #dropLost(buckets: readonly BucketRow[]): void {
    const { id, deliveries, logger } = this.#options
    const lost = buckets.filter(({ bucket, owner, epoch }) => {
      const own = this.#own.get(bucket)
      return own !== undefined && (owner !== id || epoch !== own.epoch)
    })
    if (lost.length === 0) return
    for (const { bucket } of lost) this.#forget(bucket)
    deliveries.drop(new Set(lost.map(({ bucket }) => bucket)))
    logger.warn({ buckets: lost.length }, 'registrations were taken over by other notifiers')
  }

  async #claim(wanted: readonly BucketRow[], present: readonly string[]): Promise<void> {
    const { pool, id, logger, deliveries, feed } = this.#options
    const free = wanted.filter(({ bucket, owner }) => {
      return !this.#own.has(bucket) && (owner === id || !present.includes(owner))
    })
    if (free.length === 0) return
    const claimed = await claimBuckets(pool, { owner: id, buckets: free.map(({ bucket }) => bucket) })
    for (const { bucket, epoch, logId, deliveredRevision } of claimed) {
      this.#own.set(bucket, { epoch, version: -1 })
      deliveries.ledger.openBucket(bucket, logId === feed.logId ? deliveredRevision : 0)
    }
    registrationMetrics.takenOver.inc(claimed.length)
    if (claimed.length > 0) logger.info({ buckets: claimed.length }, 'registrations were claimed')
  }

  /** Loads what has changed. */
  async #load(buckets: readonly BucketRow[]): Promise<void> {
    const { pool, deliveries } = this.#options
    const versions = new Map(buckets.map(({ bucket, version }) => [bucket, version]))
    const changed = [...this.#own].filter(([bucket, { version }]) => (versions.get(bucket) ?? 0) > version)
    if (changed.length === 0) return
    const rows = await loadRegistrationsSince(
      pool,
      changed.map(([bucket, { version }]) => ({ bucket, version })),
    )
    for (const row of rows) {
      const own = this.#own.get(row.bucket)
      if (own !== undefined) deliveries.apply(row, own.epoch)
    }
    for (const [bucket, own] of changed) own.version = versions.get(bucket) ?? own.version
  }

  /** Stops delivering buckets, stores exactly how far they are, and lets others have them. */
  async #handOver(buckets: ReadonlySet<number>): Promise<void> {
    if (buckets.size === 0) return
    const { pool, id, deliveries, gate, logger } = this.#options
    const epochs = new Map([...buckets].map((bucket) => [bucket, this.#own.get(bucket)?.epoch ?? 0]))
    for (const bucket of buckets) this.#forget(bucket)
    const stopped = await deliveries.settle(buckets)
    const sent = stopped.map((pump) => [pump, pump.sender.sentRevision] as const)
    if (await gate.confirm()) deliveries.confirm(new Map(sent))
    const own = stopped.map(({ row, sender }): OwnPosition => {
      const { token, bucket } = row
      return { token, bucket, epoch: epochs.get(bucket) ?? 0, revision: sender.deliveredRevision, isBehind: true }
    })
    for (const { sender } of stopped) sender.close()
    await storePositions(pool, { owner: id, logId: this.#logId, buckets: [], own })
    await releaseBuckets(pool, { owner: id, buckets: [...buckets] })
    this.hint()
    logger.info({ buckets: buckets.size }, 'registrations were handed over')
  }

  /** Ends what cannot go on. It is loaded, with its end, at the next look. */
  async #end(): Promise<void> {
    const { pool, deliveries } = this.#options
    for (const [token, { code, message }] of deliveries.endings) {
      await endRegistration(pool, { token, code, message })
      this.lookSoon()
    }
  }

  /** Buckets that were to be released, or claimed, when PostgreSQL did not answer. */
  async #releaseForgotten(buckets: readonly BucketRow[], wanted: ReadonlySet<number>): Promise<void> {
    const { pool, id } = this.#options
    const forgotten = buckets.filter(
      ({ bucket, owner }) => owner === id && !this.#own.has(bucket) && !wanted.has(bucket),
    )
    if (forgotten.length === 0) return
    await releaseBuckets(pool, { owner: id, buckets: forgotten.map(({ bucket }) => bucket) })
    this.hint()
  }

  async #expire(): Promise<void> {
    const { pool } = this.#options
    const now = performance.now()
    if (now >= this.#expireAt && this.#own.size > 0) {
      this.#expireAt = now + expireEveryMs
      // What it finds is loaded at the next look.
      if ((await expireRegistrations(pool, [...this.#own.keys()])) > 0) this.lookSoon()
    }
    if (now < this.#cleanAt) return
    this.#cleanAt = now + cleanEveryMs
    await deleteEnded(pool, { keptMs: endedKeptMs })
    await deleteAbsent(pool, { goneMs: cleanEveryMs })
  }

  async #announce(): Promise<void> {
    const { pool, deliveries, gate } = this.#options
    const announced = deliveries.announceEnded()
    if (announced.length === 0 || !(await gate.confirm())) return
    await storeAnnounced(pool, announced)
    deliveries.forgetEnded(announced)
  }

  async #storePositions(): Promise<void> {
    const { pool, id, deliveries } = this.#options
    const pumps = [...deliveries.all].filter(({ row }) => row.logId === this.#logId)
    const changes = deliveries.ledger.changes(pumps)
    if (changes.buckets.length === 0 && changes.own.length === 0) return
    await storePositions(pool, { owner: id, logId: this.#logId, ...changes })
    deliveries.ledger.commit(changes)
  }

  #followHistory(): void {
    const { feed, deliveries } = this.#options
    if (feed.logId === this.#logId) return
    this.#logId = feed.logId
    deliveries.ledger.startOver()
  }

  #forget(bucket: number): void {
    this.#own.delete(bucket)
    this.#options.deliveries.ledger.closeBucket(bucket)
  }
}
