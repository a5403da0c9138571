import { OverlapPolicy } from '@qcore/contracts'

/** Who waits for his turn looks again after this time, and so much later for each one that is before him. */
const turnMs = 250
/** But at the latest after this time. */
const mostTurnMs = 60_000
/** So many of a schedule wait at most; further ones are skipped. */
export const mostWaiting = 1_000

/** An occurrence that is due while others of its schedule may not be over. */
export interface Applicant {
  readonly nominalUs: number
  readonly overlap: OverlapPolicy
  /** Whether it has a place among those that wait. */
  readonly isWaiting: boolean
}

export type Turn =
  { readonly kind: 'begin' } | { readonly kind: 'skip' } | { readonly kind: 'wait'; readonly waitMs: number }

/** What is known of a schedule while applicants are told whose turn it is. */
export class Turns {
  #hasBegun: boolean
  readonly #waiting: number[]

  /**
   * @param hasBegun whether an occurrence has begun, and will go on or be tried again
   * @param waiting the times of those that wait for their turn, in microseconds since 1970
   */
  constructor(hasBegun: boolean, waiting: readonly number[]) {
    this.#hasBegun = hasBegun
    this.#waiting = [...waiting]
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Takes note of one that has begun. */
  begin({ nominalUs }: Applicant): void {
    this.#hasBegun = true
    const place = this.#waiting.indexOf(nominalUs)
    if (place >= 0) this.#waiting.splice(place, 1)
  }

  /** What becomes of an applicant. One that is to wait has a place from then on. */
  turnOf({ nominalUs, overlap, isWaiting }: Applicant): Turn {
    if (overlap === OverlapPolicy.SKIP) return { kind: this.#hasBegun ? 'skip' : 'begin' }
    if (overlap !== OverlapPolicy.BUFFER_ONE && overlap !== OverlapPolicy.BUFFER_ALL) return { kind: 'begin' }
    const before = this.#waiting.reduce((count, each) => (each < nominalUs ? count + 1 : count), 0)
    if (!this.#hasBegun && before === 0) return { kind: 'begin' }
    if (!isWaiting) {
      // While nothing runs, the first one that waits is about to.
      const places = overlap === OverlapPolicy.BUFFER_ALL ? mostWaiting : this.#hasBegun ? 1 : 2
      if (this.#waiting.length >= places) return { kind: 'skip' }
      this.#waiting.push(nominalUs)
    }
    return { kind: 'wait', waitMs: Math.min(turnMs * (before + 1), mostTurnMs) }
  }
}
