import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { trustSubject } from '@qcore/contracts'
import { loadTrust, readDatabase, type Executor } from '@qcore/database'
import { followNats, type Logger } from '@qcore/service'
import { TokenTrust } from './token-trust.ts'
import { parseTrustChange, readTrustChange, type TrustChange } from './trust-change.ts'

/** How often the source is asked: what an announcement did not tell is known after this time. */
const pollMs = 1_000
/** Revocations that are read at a time: as one announcement they stay below what NATS carries. */
const mostRevocations = 4_000

/** Where keys and revocations are read: all that came after a version; undefined if there is nothing. */
export type TrustSource = (since: number) => Promise<TrustChange | undefined>

export interface FollowTrustOptions {
  readonly connection: NatsConnection
  readonly store: string
  /** What services sign their statements with. */
  readonly authSecret: string
  readonly source: TrustSource
  /** How long tokens are accepted while neither the source nor NATS is there, in milliseconds; 0: without end. */
  readonly trustMs: number
  readonly logger: Logger
  /** Told of what the source said and nobody had announced. */
  readonly onChange?: (change: TrustChange) => void
}

/** Keys and revocations as PostgreSQL has them. */
export function trustFromDatabase(executor: Executor): TrustSource {
  return async (since) => {
    const row = await readDatabase(loadTrust(executor, { since, most: mostRevocations }))
    if (row === undefined) return undefined
    const last = row.revocations.at(-1)
    const isWhole = row.revocations.length < mostRevocations || last === undefined
    return parseTrustChange({ ...row, since, version: isWhole ? row.version : last.version })
  }
}

/**
 * Keeps what a service knows of keys and revocations as it is: by announcements over NATS, and by asking the source each
 * second.
 */
export class TrustFollower implements Disposable {
  readonly trust: TokenTrust = new TokenTrust()
  readonly #options: FollowTrustOptions
  readonly #subscription: Subscription
  readonly #status: Disposable
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<boolean> | undefined
  #askingNext: Promise<boolean> | undefined
  #isOver = false
  #isConnected = true
  #disconnects = 0
  /** Whether an announcement may have been missed since the source answered last. */
  #wasCutOff = false
  #knownAtMs = performance.now()

  constructor(options: FollowTrustOptions) {
    this.#options = options
    const { connection, store } = options
    this.#subscription = connection.subscribe(trustSubject(store), {
      callback: (error, message) => {
        if (error === null) void this.#onStatement(message.string())
      },
    })
    this.#status = followNats(connection, (type) => {
      if (type === 'disconnect') this.#onDisconnect()
      if (type === 'reconnect') this.#isConnected = true
    })
    this.#schedule()
  }

  /** Asks the source after now. Whether it answered; never rejects. */
  refresh(): Promise<boolean> {
    if (this.#asking === undefined) {
      this.#asking = this.#ask().finally(() => (this.#asking = undefined))
      return this.#asking
    }
    // The question under way may have been put before what the caller wants to know.
    this.#askingNext ??= this.#asking.then(() => {
      this.#askingNext = undefined
      return this.refresh()
    })
    return this.#askingNext
  }

  /** What the source says, first of all. Rejects if it does not answer. */
  async start(): Promise<void> {
    await this.#load()
  }

  /** A question under way is not waited for: what it is put to may hang. */
  [Symbol.dispose](): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#subscription.unsubscribe()
    this.#status[Symbol.dispose]()
  }

  #schedule(): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      void this.refresh().then(() => this.#schedule())
      this.#judge()
    }, pollMs)
  }

  async #ask(): Promise<boolean> {
    try {
      await this.#load()
      return true
    } catch (error) {
      if (!this.#isOver) this.#options.logger.debug({ err: error }, 'keys and revocations of tokens cannot be read')
      // Nobody announced anything, and whoever revokes does.
      if (!this.#wasCutOff) this.#knownAtMs = performance.now()
      return false
    } finally {
      this.#judge()
    }
  }

  #onDisconnect(): void {
    this.#isConnected = false
    this.#disconnects += 1
    this.#wasCutOff = true
  }

  async #load(): Promise<void> {
    const disconnects = this.#disconnects
    const isConnected = this.#isConnected
    for (;;) {
      const change = await this.#options.source(this.trust.version)
      if (change === undefined) break
      // What was announced meanwhile is nothing new.
      if (!(await this.trust.apply(change))) break
      this.#options.onChange?.(change)
    }
    if (isConnected && disconnects === this.#disconnects) this.#wasCutOff = false
    this.#knownAtMs = performance.now()
    this.#judge()
  }

  #judge(): void {
    const { trustMs, logger } = this.#options
    const isStale = trustMs > 0 && performance.now() - this.#knownAtMs > trustMs
    if (isStale === this.trust.isStale) return
    this.trust.isStale = isStale
    if (isStale) logger.warn({ trustMs }, 'cut off from revocations of tokens for too long; no token is accepted')
    else logger.info('revocations of tokens can be read again')
  }

  async #onStatement(statement: string): Promise<void> {
    const { authSecret, store, logger } = this.#options
    try {
      const change = await readTrustChange(authSecret, store, statement)
      const isAhead = change.version > this.trust.version
      if (isAhead && !(await this.trust.apply(change))) await this.refresh()
    } catch (error) {
      logger.warn({ err: error }, 'an announcement about tokens was refused')
    }
  }
}
