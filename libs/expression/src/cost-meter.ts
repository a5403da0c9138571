/** Thrown when an evaluation has used up what it may cost. */
export class CostExceeded extends Error {
  override readonly name = 'CostExceeded'
}

/** Counts what evaluations cost. Evaluations that share one share its limit. */
export class CostMeter {
  #left: number

  /** @param units that may be spent */
  constructor(units: number) {
    this.#left = units
  }

  /** Units that are left; negative once the limit was exceeded. */
  get left(): number {
    return this.#left
  }

  /** @throws CostExceeded */
  charge(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw new CostExceeded('the expression costs too much')
  }
}
