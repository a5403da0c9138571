import { QError } from '@qcore/errors'
import { encodeValue, type JsonValue } from '@qcore/json'
import type { ConfigChange, ConfigEntry } from './config-entry.ts'
import type { ConfigSink } from './config-follower.ts'
import type { ConfigSubscription } from './config-subscription.ts'
import type { PutConfigOptions, ConfigCondition } from './config-mutation.ts'

/** A change of a map. */
export interface SyncMapChange<Value> {
  readonly key: string
  /** Undefined: the key was deleted, or holds something of another type. */
  readonly value: Value | undefined
  readonly previous: Value | undefined
  /** Of the configuration. */
  readonly revision: number
  readonly author: string
}

export interface SyncMapOptions<Value extends JsonValue> {
  /** Whether a value is of the type; one that is not is left out, and told to `onWrongType`. Default: every value is. */
  readonly accepts?: (value: JsonValue) => value is Value
  readonly onWrongType?: (key: string, value: JsonValue) => void
  /** The connection is interrupted; the map goes on by itself, and answers as it was meanwhile. */
  readonly onInterruption?: (error: unknown) => void
  /** The map is up to date, for the first time or again. */
  readonly onLive?: () => void
}

/** What became of a change. */
export interface ConfigWriteResult {
  /** The revision of the configuration that gave the key its value. */
  readonly revision: number
  /** False if everything was so already. */
  readonly changed: boolean
  /** Whether the key was there before. */
  readonly existed: boolean
  /** The revision of the store. */
  readonly storeRevision: number
}

/** How a map writes. */
export interface ConfigWriter {
  set(key: string, value: JsonValue, options?: PutConfigOptions): Promise<ConfigWriteResult>
  delete(key: string, options?: ConfigCondition): Promise<ConfigWriteResult>
}

interface Held<Value> {
  /** What the configuration holds, of whatever type. */
  readonly given: JsonValue
  readonly value: Value | undefined
  readonly revision: number
}

/** The keys `<prefix>:<key>` of the configuration as a map in memory, which follows them. Keys have no colon: `a` has none of `a:b`. */
export class SyncMap<Value extends JsonValue> implements AsyncDisposable {
  readonly #start: string
  readonly #writer: ConfigWriter
  readonly #options: SyncMapOptions<Value>
  readonly #held = new Map<string, Held<Value>>()
  readonly #listeners = new Set<(change: SyncMapChange<Value>) => void>()
  #waiting: { revision: number; resolve: () => void }[] = []
  #revision = 0
  #isLoaded = false
  #subscription: ConfigSubscription | undefined

  constructor(prefix: string, writer: ConfigWriter, options: SyncMapOptions<Value>) {
    this.#start = `${prefix}:`
    this.#writer = writer
    this.#options = options
  }

  /** What keys of the configuration begin with. */
  get start(): string {
    return this.#start
  }

  /** Who is told of changes; the map is made of them. */
  get sink(): ConfigSink {
    const { onInterruption, onLive } = this.#options
    return {
      onEntries: (entries, revision) => this.#replace(entries, revision),
      onChanges: (changes, revision) => this.#apply(changes, revision),
      onProgress: (revision) => this.#reach(revision),
      ...(onInterruption === undefined ? {} : { onInterruption }),
      ...(onLive === undefined ? {} : { onLive }),
    }
  }

  /** The map ends with the subscription. */
  follow(subscription: ConfigSubscription): this {
    this.#subscription = subscription
    subscription.ended.finally(() => this.#release(Infinity)).catch(() => undefined)
    return this
  }

  /** The revision of the configuration that the map is of. */
  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.keys().length
  }

  get(key: string): Value | undefined {
    return this.#held.get(key)?.value
  }

  /** The revision of the configuration that gave a key its value; 0 if it is not there: what `ifRevision` takes. */
  revisionOf(key: string): number {
    return this.#held.get(key)?.revision ?? 0
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  keys(): string[] {
    return this.entries().map(([key]) => key)
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value)
  }

  /** By key. */
  entries(): [key: string, value: Value][] {
    const found = [...this.#held].flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value] as const]))
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, value])
  }

  /** Gives a key a value. The map has it when the promise is resolved. */
  async set(key: string, value: Value, options: PutConfigOptions = {}): Promise<ConfigWriteResult> {
    return this.#reached(await this.#writer.set(this.#keyOf(key), value, options))
  }

  /** Deletes a key. The map is without it when the promise is resolved. */
  async delete(key: string, options: ConfigCondition = {}): Promise<ConfigWriteResult> {
    return this.#reached(await this.#writer.delete(this.#keyOf(key), options))
  }

  /**
   * Calls back after every change, in order, while it is applied: what the function throws ends the map. Not for what is there
   * already. After an interruption a key may have changed several times, of which the last one is told.
   *
   * @returns ends it
   */
  subscribe(listener: (change: SyncMapChange<Value>) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolved when the map was closed, rejected with what ended it. */
  get ended(): Promise<void> {
    return this.#subscription?.ended ?? Promise.resolve()
  }

  /** Follows no more; the map stays as it is. */
  async close(): Promise<void> {
    this.#listeners.clear()
    await this.#subscription?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #keyOf(key: string): string {
    if (key === '' || key.includes(':')) {
      throw new QError('invalid_request', 'a key of a map has a character or more, and no colon', { field: 'key' })
    }
    return this.#start + key
  }

  async #reached(result: ConfigWriteResult): Promise<ConfigWriteResult> {
    if (result.changed && result.revision > this.#revision) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.push({ revision: result.revision, resolve })
      await promise
    }
    return result
  }

  #release(revision: number): void {
    const reached = this.#waiting.filter((waiter) => waiter.revision <= revision)
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > revision)
    for (const { resolve } of reached) resolve()
  }

  #replace(entries: readonly ConfigEntry[], revision: number): void {
    const kept = new Set(entries.map(({ key }) => key))
    const gone = [...this.#held.keys()].filter((key) => !kept.has(this.#start + key))
    for (const key of gone) this.#take({ key: this.#start + key, value: undefined, revision, author: '' })
    for (const { key, value, revision: ofKey } of entries) {
      const name = key.slice(this.#start.length)
      const held = this.#held.get(name)
      // Revisions alone say nothing: a configuration that was replaced counts its own.
      const isSame = held !== undefined && encodeValue(held.given) === encodeValue(value)
      if (isSame) this.#held.set(name, { ...held, revision: ofKey })
      else this.#take({ key, value, revision: ofKey, author: '' })
    }
    this.#isLoaded = true
    this.#reach(revision)
  }

  #apply(changes: readonly ConfigChange[], revision: number): void {
    for (const change of changes) this.#take(change)
    this.#reach(revision)
  }

  #reach(revision: number): void {
    this.#revision = revision
    this.#release(revision)
  }

  #take({
    key: whole,
    value: given,
    revision,
    author,
  }: Pick<ConfigChange, 'key' | 'value' | 'revision' | 'author'>): void {
    const key = whole.slice(this.#start.length)
    if (key === '' || key.includes(':')) return
    const previous = this.#held.get(key)?.value
    const value = given === undefined ? undefined : this.#typed(key, given)
    if (given === undefined) this.#held.delete(key)
    else this.#held.set(key, { given, value, revision })
    if (!this.#isLoaded || (value === undefined && previous === undefined)) return
    for (const listener of this.#listeners) listener({ key, value, previous, revision, author })
  }

  #typed(key: string, value: JsonValue): Value | undefined {
    const { accepts, onWrongType } = this.#options
    if (accepts === undefined) return value as Value
    if (accepts(value)) return value
    onWrongType?.(key, value)
    return undefined
  }
}
