import { loadTypes, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { untilAborted, type Logger } from '@qcore/service'
import { decodeSchemaChanged } from './change-outline.ts'
import { openLogFeed, type LogFeed, type LogFeedOptions, type LogFollower } from './log-feed.ts'
import type { LogRecord } from './log-record.ts'
import { Pins } from './pins.ts'
import { RecordHistory } from './record-history.ts'
import { ReplicaSource } from './replica-source.ts'
import { ReplicaTables } from './replica-tables.ts'
import { TypeRegistry } from './type-registry.ts'

export interface ReplicaOptions extends LogFeedOptions {
  /** About how many bytes of memory cached entities may take. */
  cacheBytes: number
  /** Whom to tell of commits and replacements, after the replica itself has applied them. */
  follower?: LogFollower
}

/** Whoever waits for an answer; a HandlerContext is one. */
export interface Caller {
  readonly signal: AbortSignal
}

/** Part of a store in memory, exactly as of one revision: that which the feed has applied. */
export interface Replica extends AsyncDisposable {
  readonly feed: LogFeed
  readonly tables: ReplicaTables
  /** The types at the applied revision. Undefined for a moment after the log was replaced. */
  readonly types: TypeRegistry | undefined
  /**
   * Runs a synchronous reading of entities at the applied revision. If all it asks for is cached, the result is given at
   * once; else what is missing is loaded, and the reading is run again, until it runs through: at one revision.
   *
   * @throws QError `deadline_exceeded` when the signal fires, `unavailable`
   */
  read<T>(attempt: (source: ReplicaSource, types: TypeRegistry) => T, caller: Caller): T | Promise<T>
}

/** How often a reading is run; a path of the most steps needs ten, or some more if the entities on it change. */
const mostAttempts = 50
/** Between attempts to load the types anew. */
const retryMs = 250

/** Opens a replica that is live from the head. Throws what PostgreSQL throws. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const replica = new LiveReplica(options)
  try {
    await replica.start()
  } catch (error) {
    await replica[Symbol.asyncDispose]()
    throw error
  }
  return replica
}

class LiveReplica implements Replica, LogFollower {
  readonly feed: LogFeed
  readonly tables: ReplicaTables
  types: TypeRegistry | undefined
  readonly #pool: Executor
  readonly #logger: Logger
  readonly #follower: LogFollower | undefined
  readonly #history = new RecordHistory()
  readonly #stopped = new AbortController()
  /** For readings that find everything; one that does not gets its own. */
  readonly #source: ReplicaSource
  #typesLoaded: Promise<void> = Promise.resolve()

  constructor({ cacheBytes, follower, ...feedOptions }: ReplicaOptions) {
    const typeOf = this.#typeOf
    this.feed = openLogFeed(feedOptions)
    this.tables = new ReplicaTables({
      pool: feedOptions.pool,
      feed: this.feed,
      history: this.#history,
      cacheBytes,
      typeOf,
      types: { areKnown: () => this.types !== undefined, whenKnown: () => this.#whenTypesKnown() },
    })
    this.#source = new ReplicaSource(this.tables, typeOf)
    this.#pool = feedOptions.pool
    this.#logger = feedOptions.logger
    this.#follower = follower
  }

  async start(): Promise<void> {
    const release = this.#history.hold(0)
    try {
      await this.feed.start(this)
      await this.#loadTypes()
    } finally {
      release()
    }
  }

  apply(record: LogRecord): void {
    if (this.types !== undefined) {
      applyToTypes(this.types, record)
      this.tables.apply(record)
    }
    this.#history.add(record)
    this.#follower?.apply(record)
  }

  onReplaced(): void {
    this.types = undefined
    this.tables.clear()
    this.#history.clear(this.feed.appliedRevision)
    this.#typesLoaded = this.#loadTypesAgain()
    this.#follower?.onReplaced()
  }

  read<T>(attempt: (source: ReplicaSource, types: TypeRegistry) => T, caller: Caller): T | Promise<T> {
    const types = this.types
    if (types !== undefined) {
      try {
        const result = attempt(this.#source, types)
        if (this.#source.isComplete) return result
      } finally {
        this.#source.forgetMisses()
      }
    }
    return this.#readSlowly(attempt, caller.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new QError('unavailable', 'the replica is stopping'))
    await this.feed[Symbol.asyncDispose]()
    await this.#typesLoaded
  }

  readonly #typeOf = (name: string): ReturnType<TypeRegistry['get']> => this.types?.get(name)

  async #readSlowly<T>(attempt: (source: ReplicaSource, types: TypeRegistry) => T, signal: AbortSignal): Promise<T> {
    const pins = new Pins(this.tables)
    try {
      for (let count = 0; count < mostAttempts; count++) {
        if (this.types === undefined) await untilAborted(this.#whenTypesKnown(), signal)
        if (this.types === undefined) continue
        const source = new ReplicaSource(this.tables, this.#typeOf)
        const result = attempt(source, this.types)
        if (source.isComplete) return result
        await untilAborted(pins.load(source), signal)
      }
    } finally {
      pins.release()
    }
    throw new QError('unavailable', 'what was to be read changed too often; nothing was read')
  }

  async #whenTypesKnown(): Promise<void> {
    if (this.types === undefined) await this.#typesLoaded
    if (this.types === undefined && this.#stopped.signal.aborted) {
      throw new QError('unavailable', 'the replica is stopping')
    }
  }

  /** Loads the types of the feed's log; commits since are applied to them. */
  async #loadTypes(): Promise<void> {
    const release = this.#history.hold(this.feed.appliedRevision)
    try {
      const { revision, logId, schemas } = await loadTypes(this.#pool)
      if (logId !== this.feed.logId) await this.feed.catchUp()
      await this.feed.waitFor(revision, this.#stopped.signal)
      const records = this.#history.after(revision)
      if (logId !== this.feed.logId || records === undefined) {
        throw new QError('log_replaced', 'the log was replaced while the types were read')
      }
      const types = new TypeRegistry(schemas)
      for (const record of records) applyToTypes(types, record)
      this.types = types
    } finally {
      release()
    }
  }

  async #loadTypesAgain(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        return await this.#loadTypes()
      } catch (error) {
        this.#logger.warn({ err: error }, 'the types cannot be read')
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }
}

function applyToTypes(types: TypeRegistry, record: LogRecord): void {
  for (const change of record.changes) {
    if (change.kind === 'schema_changed') types.apply(decodeSchemaChanged(change))
  }
}
