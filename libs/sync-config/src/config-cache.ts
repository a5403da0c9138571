import { isDeepStrictEqual } from 'node:util'
import type { ConfigChange } from './config-change.ts'
import { BucketDigests, entryDigest, keyBucket } from './digest.ts'
import type { StoredChange, StoredEntry } from './sql/stored-rows.ts'
import { type JsonValue, decodeValue } from '@qcore/json'

export interface CachedEntry {
  readonly value: JsonValue
  /** Of its last change. */
  readonly revision: number
  /** Milliseconds since 1970 on PostgreSQL's clock. */
  readonly expiresAtMs: number | undefined
  readonly digest: bigint
  readonly bucket: number
}

/** All entries of a store at one revision. */
export class ConfigCache {
  /** Everything up to this revision was applied. */
  revision = 0
  /** Counts the changes of entries. */
  version = 0
  readonly #entries = new Map<string, CachedEntry>()
  readonly #digests = new BucketDigests()
  readonly #expiring = new Set<string>()
  /** Of the next entry that expires; NaN if it has to be looked for. */
  #nextExpiryMs = Infinity

  get size(): number {
    return this.#entries.size
  }

  /** Of all entries; the same as that of the table's rows. */
  get digest(): bigint {
    return this.#digests.total
  }

  /** When the next entry expires; Infinity if none does. */
  get nextExpiryMs(): number {
    if (Number.isNaN(this.#nextExpiryMs)) {
      this.#nextExpiryMs = Infinity
      for (const key of this.#expiring) {
        this.#nextExpiryMs = Math.min(this.#nextExpiryMs, this.#entries.get(key)?.expiresAtMs ?? Infinity)
      }
    }
    return this.#nextExpiryMs
  }

  /** The same map for ever, so that whoever reads often can keep it. */
  get entries(): ReadonlyMap<string, CachedEntry> {
    return this.#entries
  }

  /** The buckets in which the table differs. */
  differing(buckets: ReadonlyMap<number, bigint>): number[] {
    return this.#digests.differing(buckets)
  }

  /** Applies all changes of a revision. Returns those of values; an older revision has none. */
  apply(revision: number, changes: readonly StoredChange[]): ConfigChange[] {
    if (revision <= this.revision) return []
    this.revision = revision
    return changes.flatMap((change) => this.#put(change) ?? [])
  }

  /** Makes some buckets, or all of them, what the table has at a revision. Returns the changes of values. */
  replace(revision: number, entries: readonly StoredEntry[], buckets?: readonly number[]): ConfigChange[] {
    this.revision = revision
    const replaced = buckets && new Set(buckets)
    const kept = new Set(entries.map(({ key }) => key))
    const gone = [...this.#entries].filter(
      ([key, { bucket }]) => !kept.has(key) && (replaced === undefined || replaced.has(bucket)),
    )
    const found = { author: '', origin: '' }
    return [
      ...entries.flatMap((entry) => this.#put({ ...entry, ...found }) ?? []),
      ...gone.flatMap(([key]) => this.#put({ key, text: undefined, expiresUs: '', revision, ...found }) ?? []),
    ]
  }

  #put({ key, text, expiresUs, revision, author, origin }: StoredChange): ConfigChange | undefined {
    const former = this.#entries.get(key)
    const digest = text === undefined ? undefined : entryDigest(key, expiresUs, text)
    if (text !== undefined && former !== undefined && former.digest === digest) {
      const { value, expiresAtMs, bucket } = former
      if (former.revision !== revision) this.#entries.set(key, { value, revision, expiresAtMs, digest, bucket })
      return undefined
    }
    const bucket = former?.bucket ?? keyBucket(key)
    if (former !== undefined) this.#remove(key, former)
    const value = text === undefined || digest === undefined ? undefined : decodeValue(text)
    if (value !== undefined && digest !== undefined) {
      const expiresAtMs = expiresUs === '' ? undefined : Number(expiresUs) / 1_000
      this.#add(key, { value, revision, expiresAtMs, digest, bucket })
    }
    // An expiry may have changed alone, or the way in which a number is written.
    if (isDeepStrictEqual(former?.value, value)) return undefined
    return Object.freeze({ key, value, previous: former?.value, revision, author, origin })
  }

  #add(key: string, entry: CachedEntry): void {
    this.#entries.set(key, entry)
    this.version += 1
    this.#digests.toggle(entry.bucket, entry.digest)
    if (entry.expiresAtMs === undefined) return
    this.#expiring.add(key)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs)
  }

  #remove(key: string, entry: CachedEntry): void {
    this.#entries.delete(key)
    this.version += 1
    this.#digests.toggle(entry.bucket, entry.digest)
    if (this.#expiring.delete(key)) this.#nextExpiryMs = Number.NaN
  }
}
