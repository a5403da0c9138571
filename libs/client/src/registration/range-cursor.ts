import type { Delivery } from '@qcore/contracts'

/** What to do with a delivery. */
export type Judgement =
  /** It is there already. */
  | { readonly kind: 'repeat' }
  /** Something before it is missing: get what comes after the cursor. */
  | { readonly kind: 'gap' }
  /** It is a part; more follows. */
  | { readonly kind: 'part' }
  /** It completes the revisions up to its own: hand these on, then `advance`. */
  | { readonly kind: 'complete'; readonly parts: readonly Delivery[] }

/** Up to where a registration was received: every delivery says which revisions it covers. */
export class RangeCursor {
  #revision: number
  #parts: Delivery[] = []

  constructor(revision: number) {
    this.#revision = revision
  }

  /** Everything up to here was handed on. */
  get revision(): number {
    return this.#revision
  }

  judge(delivery: Delivery): Judgement {
    const revision = Number(delivery.revision)
    // Progress at the revision that one has says that nothing was missed, or that something was.
    if (revision <= this.#revision) return this.#drop('repeat')
    if (Number(delivery.previousRevision) > this.#revision) return this.#drop('gap')
    const [first] = this.#parts
    const isNext =
      first === undefined ? delivery.part === 0 : isSame(first, delivery) && this.#parts.length === delivery.part
    if (!isNext) {
      this.#parts = []
      if (delivery.part !== 0) return { kind: 'gap' }
    }
    this.#parts.push(delivery)
    if (hasMore(delivery)) return { kind: 'part' }
    return { kind: 'complete', parts: this.#parts.splice(0) }
  }

  advance(revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
  }

  #drop(kind: 'repeat' | 'gap'): Judgement {
    this.#parts = []
    return { kind }
  }
}

function isSame(a: Delivery, b: Delivery): boolean {
  return a.revision === b.revision && a.event.case === b.event.case && a.epoch === b.epoch
}

function hasMore({ event }: Delivery): boolean {
  return (event.case === 'notifications' || event.case === 'folded') && event.value.more
}
