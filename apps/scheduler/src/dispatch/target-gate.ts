/** Failures in a row after which a target is left alone for a while. */
const mostFailures = 5
/** How long at first, and at most; it doubles while the target goes on failing. */
const firstOpenMs = 5_000
const mostOpenMs = 60_000
/** Who finds too many waiting comes again after this time, and up to twice as much. */
const turnedBackMs = 100
/** Who may wait for a turn, at all targets together: what waits is claimed, and in memory. */
const mostWaiting = 1_000
/** Targets that are remembered though nothing is under way there. */
const mostIdleTargets = 10_000

interface Target {
  running: number
  /** Told whether they get in. */
  readonly waiting: ((isIn: boolean) => void)[]
  failures: number
  /** Whether nobody has been let in since it was found broken: what fails then was under way before. */
  isOpen: boolean
  /** Until when it is left alone, on the clock of `performance.now()`. */
  openUntil: number
}

/** How an attempt at a target went: whether the target can be blamed for it. */
export type TargetOutcome = 'taken' | 'failed' | 'untried'

/**
 * Bounds what goes to one target at a time, so that a slow one does not take everything, and leaves alone one that fails
 * again and again: then a single request finds out whether it is back.
 */
export class TargetGate {
  readonly #most: number
  readonly #targets = new Map<string, Target>()
  #waiting = 0

  /** @param most how many at a time; as many more may wait, or those who will not wait for long */
  constructor(most: number) {
    this.#most = most
  }

  /** How many wait for their turn, at all targets. */
  get waiting(): number {
    return this.#waiting
  }

  /** How many more may wait, at all targets. */
  get waitingRoom(): number {
    return mostWaiting - this.#waiting
  }

  /**
   * Lets an attempt in, at once or in its turn. A number: it does not get in, and may come again after so many milliseconds.
   *
   * @param soon how many are expected to get in soon: so many may wait
   */
  async enter(name: string, soon = 0): Promise<number | undefined> {
    const target = this.#target(name)
    const openMs = openMsOf(target)
    if (openMs > 0) return openMs
    const isProbing = target.failures >= mostFailures && target.running > 0
    if (isProbing) return turnedBackMs * (1 + Math.random())
    if (target.running >= this.#most) {
      const mayWait = this.waitingRoom > 0 && target.waiting.length < Math.max(this.#most, soon)
      if (!mayWait) return turnedBackMs * (1 + Math.random())
      this.#waiting++
      const isIn = await new Promise<boolean>((resolve) => target.waiting.push(resolve))
      this.#waiting--
      return isIn ? undefined : openMsOf(target)
    }
    target.running++
    target.isOpen = false
    return undefined
  }

  /** Ends what `enter` let in. */
  leave(name: string, outcome: TargetOutcome): void {
    const target = this.#target(name)
    if (outcome === 'taken') Object.assign(target, { failures: 0, isOpen: false })
    if (outcome === 'failed' && !target.isOpen && ++target.failures >= mostFailures) {
      const doublings = Math.min(target.failures - mostFailures, 16)
      target.openUntil = performance.now() + Math.min(firstOpenMs * 2 ** doublings, mostOpenMs)
      target.isOpen = true
      for (const tell of target.waiting.splice(0)) tell(false)
    }
    const next = target.waiting.shift()
    // Whoever waited has the place from now on.
    if (next === undefined) target.running--
    else next(true)
    if (target.running === 0 && (target.failures === 0 || this.#targets.size > mostIdleTargets))
      this.#targets.delete(name)
  }

  #target(name: string): Target {
    let target = this.#targets.get(name)
    if (target === undefined) {
      this.#targets.set(name, (target = { running: 0, waiting: [], failures: 0, isOpen: false, openUntil: 0 }))
    }
    return target
  }
}

/** For how long a target is left alone from now on, in milliseconds; not all come back at once. */
function openMsOf({ openUntil }: Target): number {
  const ms = openUntil - performance.now()
  return ms > 0 ? ms + turnedBackMs * Math.random() : 0
}
