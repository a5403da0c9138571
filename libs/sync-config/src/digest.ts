import { hash } from 'node:crypto'

/** As many as a byte counts. */
export const bucketCount = 256

/** Which of the buckets a key is in; `bucketOfKey` is the same in SQL. */
export function keyBucket(key: string): number {
  return sha256(key)[0] ?? 0
}

/** The bucket of the column `key`. */
export const bucketOfKey = `get_byte(sha256(convert_to(key, 'UTF8')), 0)`

/**
 * The digest of an entry, the same as in the column `digest`: the first 64 bits of SHA-256 over key, expiry and value, framed by lengths.
 *
 * @param expiresUs microseconds since 1970, or empty
 * @param text the JSON text as PostgreSQL writes it
 */
export function entryDigest(key: string, expiresUs: string, text: string): bigint {
  return sha256(`${Buffer.byteLength(key)}:${key}:${expiresUs}:${text}`).readBigInt64BE()
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/**
 * The digests of a set of entries, in buckets: each is the exclusive or of its entries, so a change costs the same however
 * large the set is. They tell mistakes, not attacks: who may write values can also make two sets with one digest.
 */
export class BucketDigests {
  readonly #buckets = new BigInt64Array(bucketCount)

  /** Adds an entry, or takes it away. */
  toggle(bucket: number, digest: bigint): void {
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0n) ^ digest
  }

  /** Of all entries. */
  get total(): bigint {
    return this.#buckets.reduce((total, digest) => total ^ digest, 0n)
  }

  /** The buckets in which another set differs. A bucket that it does not name is empty there. */
  differing(other: ReadonlyMap<number, bigint>): number[] {
    return [...this.#buckets.keys()].filter((bucket) => (other.get(bucket) ?? 0n) !== this.#buckets[bucket])
  }
}

/** Sixteen hexadecimal digits. */
export function formatDigest(digest: bigint): string {
  return BigInt.asUintN(64, digest).toString(16).padStart(16, '0')
}
