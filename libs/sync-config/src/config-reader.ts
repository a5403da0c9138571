import { QError } from '@qcore/errors'
import type { CachedEntry } from './config-cache.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { ConfigProblem } from './sync-config-options.ts'
import type { JsonValue } from '@qcore/json'
import { asBigInt, asBool, asInt, asNumber, asString } from './value/typed-value.ts'

/** An entry, with what a compare-and-set needs. */
export interface ConfigEntry {
  readonly value: JsonValue
  readonly revision: number
  readonly expiresAt: Date | undefined
}

/** Reads of a configuration in memory. An entry whose time is over is not there, whether or not it was deleted. */
export class ConfigReader {
  readonly #entries: ReadonlyMap<string, CachedEntry>
  readonly #clock: DatabaseClock
  readonly #onProblem: (problem: ConfigProblem) => void
  /** Keys with a value of another type than was asked for, at the revision that was complained of. */
  readonly #complained = new Map<string, number>()

  constructor(
    entries: ReadonlyMap<string, CachedEntry>,
    clock: DatabaseClock,
    onProblem: (problem: ConfigProblem) => void,
  ) {
    this.#entries = entries
    this.#clock = clock
    this.#onProblem = onProblem
  }

  /** @throws QError `unknown_key` */
  get(key: string): JsonValue {
    const entry = this.#find(key)
    if (entry === undefined) throw new QError('unknown_key', `config key not found: ${key}`, { field: 'key' })
    return entry.value
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined
  }

  getEntry(key: string): ConfigEntry | undefined {
    const entry = this.#find(key)
    return entry === undefined ? undefined : visibleEntry(entry)
  }

  /** The default if the key is not there, or is no string. */
  getString(key: string, byDefault: string): string {
    return this.#typed(key, asString, byDefault)
  }

  /** An integer: a number without its fraction, or the text of an integer. Otherwise the default. */
  getInt(key: string, byDefault: number): number {
    return this.#typed(key, asInt, byDefault)
  }

  /** An integer of any size. */
  getBigInt(key: string, byDefault: bigint): bigint {
    return this.#typed(key, asBigInt, byDefault)
  }

  getNumber(key: string, byDefault: number): number {
    return this.#typed(key, asNumber, byDefault)
  }

  /** Only true and false are booleans. */
  getBool(key: string, byDefault: boolean): boolean {
    return this.#typed(key, asBool, byDefault)
  }

  /** A copy of all entries, or of those whose keys begin with a prefix. The values are frozen. */
  getAll(prefix = ''): Record<string, JsonValue> {
    return Object.fromEntries(this.#visible(prefix).map(([key, { value }]) => [key, value]))
  }

  /** All entries with a prefix, with what a compare-and-set needs. */
  getEntries(prefix = ''): [key: string, entry: ConfigEntry][] {
    return this.#visible(prefix).map(([key, entry]) => [key, visibleEntry(entry)])
  }

  keys(prefix = ''): string[] {
    return this.#visible(prefix).map(([key]) => key)
  }

  #find(key: string): CachedEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry?.expiresAtMs === undefined) return entry
    return entry.expiresAtMs > this.#clock.nowMs ? entry : undefined
  }

  #visible(prefix: string): [string, CachedEntry][] {
    const { nowMs } = this.#clock
    return [...this.#entries].filter(
      ([key, { expiresAtMs = Infinity }]) => key.startsWith(prefix) && expiresAtMs > nowMs,
    )
  }

  #typed<T>(key: string, convert: (value: JsonValue) => T | undefined, byDefault: T): T {
    const entry = this.#find(key)
    if (entry === undefined) return byDefault
    const value = convert(entry.value)
    if (value === undefined) this.#complain(key, entry)
    return value ?? byDefault
  }

  /** Once a revision. */
  #complain(key: string, { revision }: CachedEntry): void {
    if (this.#complained.get(key) === revision) return
    this.#complained.set(key, revision)
    const message = `the value of ${key} is not of the type that was asked for: the default counts`
    this.#onProblem({ kind: 'type', message })
  }
}

function visibleEntry({ value, revision, expiresAtMs }: CachedEntry): ConfigEntry {
  return { value, revision, expiresAt: expiresAtMs === undefined ? undefined : new Date(expiresAtMs) }
}
