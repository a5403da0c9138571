/** How long others take a notifier for there after it said so. With the pause between two looks at it, a second less than 3 s. */
export const presenceLeaseMs = 1_500
/** How much earlier its owner takes it for over: clocks differ, and what is being sent has to leave. */
const marginMs = 150

/** The lease as its owner sees it: on its own monotonic clock, which goes on while the process is suspended. */
export class OwnLease {
  #until = 0

  /** Whether nobody else can have taken over. */
  get isHeld(): boolean {
    return performance.now() < this.#until
  }

  /** @param askedAt when the renewal was sent, on the clock of `performance.now()` */
  extend(askedAt: number): void {
    this.#until = askedAt + presenceLeaseMs - marginMs
  }

  end(): void {
    this.#until = 0
  }
}
