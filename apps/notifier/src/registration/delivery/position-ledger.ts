import type { BucketPosition, OwnPosition } from '../sql/positions.ts'

/** A registration that was not delivered up to what was the newest revision this long ago is behind. */
const behindAfterMs = 1_200

/** One that was just begun has so long to come near; until then it holds the number of its bucket back. */
const graceMs = 5_000

/** A registration that is being delivered. */
interface Tracked {
  readonly row: { readonly token: string; readonly bucket: number }
  readonly epoch: number
  readonly sender: { readonly deliveredRevision: number }
}

interface Stored {
  readonly revision: number
  readonly isBehind: boolean
}

/**
 * What is stored of how far registrations are: a number a bucket for those that keep up, a number each for those that are
 * behind. One that keeps up is never before the number of its bucket.
 */
export class PositionLedger {
  readonly #stored = new Map<string, Stored & { openedAt: number }>()
  readonly #buckets = new Map<number, number>()
  #samples: { at: number; revision: number }[] = []
  #keepingUp = 0

  /** Notes what the newest revision is now. */
  sample(revision: number): void {
    const at = performance.now()
    this.#samples.push({ at, revision })
    const firstYoung = this.#samples.findIndex((sample) => at - sample.at < behindAfterMs)
    if (firstYoung > 1) this.#samples.splice(0, firstYoung - 1)
    const [oldest] = this.#samples
    this.#keepingUp = oldest === undefined || at - oldest.at < behindAfterMs ? 0 : oldest.revision
  }

  /** Notes what PostgreSQL has of a bucket. */
  openBucket(bucket: number, revision: number): void {
    this.#buckets.set(bucket, revision)
  }

  closeBucket(bucket: number): void {
    this.#buckets.delete(bucket)
  }

  /** Notes what PostgreSQL has of a registration. */
  open(token: string, stored: Stored): void {
    this.#stored.set(token, { ...stored, openedAt: performance.now() })
  }

  close(token: string): void {
    this.#stored.delete(token)
  }

  get behindCount(): number {
    let count = 0
    for (const { isBehind } of this.#stored.values()) if (isBehind) count += 1
    return count
  }

  /** Forgets all numbers of buckets: they are of another history. */
  startOver(): void {
    this.#samples = []
    this.#keepingUp = 0
    for (const bucket of this.#buckets.keys()) this.#buckets.set(bucket, 0)
  }

  /** What has changed. Once it is stored, `commit` it. */
  changes(pumps: Iterable<Tracked>): { buckets: BucketPosition[]; own: OwnPosition[] } {
    const lowest = new Map<number, { epoch: number; revision: number }>()
    const own: OwnPosition[] = []
    for (const { row, epoch, sender } of pumps) {
      const { token, bucket } = row
      const stored = this.#stored.get(token)
      if (stored === undefined) continue
      const revision = sender.deliveredRevision
      const isBehind = this.#isBehind(revision, stored, bucket)
      if (stored.isBehind !== isBehind || (isBehind && stored.revision !== revision)) {
        own.push({ token, bucket, epoch, revision, isBehind })
      }
      if (isBehind) continue
      const soFar = lowest.get(bucket)
      if (soFar === undefined || revision < soFar.revision) lowest.set(bucket, { epoch, revision })
    }
    const buckets: BucketPosition[] = []
    for (const [bucket, { epoch, revision }] of lowest) {
      if (revision > (this.#buckets.get(bucket) ?? 0)) buckets.push({ bucket, epoch, revision })
    }
    return { buckets, own }
  }

  commit({ buckets, own }: { buckets: readonly BucketPosition[]; own: readonly OwnPosition[] }): void {
    for (const { bucket, revision } of buckets) {
      if (this.#buckets.has(bucket)) this.#buckets.set(bucket, revision)
    }
    for (const { token, revision, isBehind } of own) {
      const stored = this.#stored.get(token)
      if (stored !== undefined) this.#stored.set(token, { ...stored, revision, isBehind })
    }
  }

  #isBehind(revision: number, stored: Stored & { openedAt: number }, bucket: number): boolean {
    const isLate = revision < Math.max(this.#keepingUp, this.#buckets.get(bucket) ?? 0)
    if (stored.isBehind) return isLate || this.#keepingUp === 0
    return isLate && performance.now() - stored.openedAt > graceMs
  }
}
