/** Buckets untouched for this long are full again, and forgotten; longer, where filling one takes longer. */
const leastGenerationMs = 5_000
/** Bounds the memory that many different keys can take. */
const mostBuckets = 100_000

interface Bucket {
  tokens: number
  updatedAtMs: number
}

/** What a caller has left, as the RateLimit headers say it. */
export interface RateDecision {
  allowed: boolean
  /** Calls that may follow at once. */
  remaining: number
  /** Whole seconds until a call is allowed; 0 if it is now. */
  retryAfterSeconds: number
}

/** Token buckets by key: `perSecond` calls a second, with a burst, of one second if nothing else is said. */
export class RateLimiter {
  readonly perSecond: number
  /** Calls that may come at once. */
  readonly burst: number
  readonly #generationMs: number
  readonly #now: () => number
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()
  #turnedAtMs: number

  /** `now` is in milliseconds, monotonic. */
  constructor(perSecond: number, now: () => number = () => performance.now(), burst = perSecond) {
    this.perSecond = perSecond
    this.burst = burst
    this.#generationMs = Math.max(leastGenerationMs, (burst / perSecond) * 2_000)
    this.#now = now
    this.#turnedAtMs = now()
  }

  /** Counts a call. */
  take(key: string): RateDecision {
    const nowMs = this.#now()
    const bucket = this.#bucket(key, nowMs)
    const refilled = bucket.tokens + ((nowMs - bucket.updatedAtMs) / 1_000) * this.perSecond
    bucket.tokens = Math.min(this.burst, refilled)
    bucket.updatedAtMs = nowMs
    const allowed = bucket.tokens >= 1
    if (allowed) bucket.tokens -= 1
    return {
      allowed,
      remaining: Math.floor(bucket.tokens),
      retryAfterSeconds: allowed ? 0 : Math.max(1, Math.ceil((1 - bucket.tokens) / this.perSecond)),
    }
  }

  /** How many buckets are held. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  #bucket(key: string, nowMs: number): Bucket {
    if (nowMs - this.#turnedAtMs >= this.#generationMs || this.#young.size >= mostBuckets) {
      this.#old = nowMs - this.#turnedAtMs >= 2 * this.#generationMs ? new Map() : this.#young
      this.#young = new Map()
      this.#turnedAtMs = nowMs
    }
    let bucket = this.#young.get(key)
    if (bucket === undefined) {
      bucket = this.#old.get(key) ?? { tokens: this.burst, updatedAtMs: nowMs }
      this.#young.set(key, bucket)
    }
    return bucket
  }
}
