import { randomUUID } from 'node:crypto'
import type { SyncConfig } from '@qcore/sync-config'

/**
 * A cache of this process that all processes drop at once: key `cache:<name>`, with a value that nobody had before. A
 * subscriber hears of every bump once, also of one that was made while it was not connected, and of none before its start.
 */
export class InvalidatedCache<T> implements Disposable {
  readonly #config: SyncConfig
  readonly #key: string
  readonly #load: (id: string) => Promise<T>
  readonly #subscription: string
  #values = new Map<string, Promise<T>>()
  /** How often it was dropped. */
  drops = 0

  constructor(config: SyncConfig, name: string, load: (id: string) => Promise<T>) {
    this.#config = config
    this.#key = `cache:${name}`
    this.#load = load
    this.#subscription = config.subscribe((key) => this.#drop(key), { prefix: this.#key })
  }

  async get(id: string): Promise<T> {
    const values = this.#values
    let value = values.get(id)
    if (value === undefined) {
      value = this.#load(id)
      values.set(id, value)
      // What could not be loaded is tried again.
      value.catch(() => values.delete(id))
    }
    return value
  }

  /** Drops the cache of every process. */
  async bump(): Promise<void> {
    // Two bumps at once are two: no other value is this one.
    await this.#config.set(this.#key, randomUUID())
  }

  [Symbol.dispose](): void {
    this.#config.unsubscribe(this.#subscription)
  }

  #drop(key: string): void {
    // The prefix also selects caches whose names begin with this one's.
    if (key !== this.#key) return
    this.#values = new Map()
    this.drops += 1
  }
}
