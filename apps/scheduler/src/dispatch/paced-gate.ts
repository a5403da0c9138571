import { setTimeout as delay } from 'node:timers/promises'
import { TargetBacklog } from './target-backlog.ts'
import { TargetGate, type TargetOutcome } from './target-gate.ts'
import { TargetPace } from './target-pace.ts'

/** Targets that are remembered, unless more of them are in use. */
const mostTargets = 10_000
/** Who gets in within this time waits: to be claimed again costs more than the place that it takes. */
const soonMs = 1_000
/** Who is sent away for no longer than this found the target full, not broken. */
const fullMs = 200

interface Target {
  readonly pace: TargetPace
  readonly backlog: TargetBacklog
}

/** A gate that also bounds what goes to one target a second, and foresees when there is room again. */
export class PacedGate extends TargetGate {
  readonly #perSecond: number
  readonly #targets = new Map<string, Target>()

  /**
   * @param most how many to one target at a time
   * @param perSecond how many to one target a second; 0: as many as there are
   */
  constructor(most: number, perSecond: number) {
    super(most)
    this.#perSecond = perSecond
  }

  override async enter(name: string): Promise<number | undefined> {
    const { pace, backlog } = this.#target(name)
    const awayMs = await super.enter(name, backlog.leavingWithin(soonMs))
    if (awayMs !== undefined) return awayMs > fullMs ? awayMs : backlog.comeBackMs(awayMs)
    if (this.#perSecond === 0) return undefined
    const turn = pace.take()
    if ('comeBackMs' in turn) {
      super.leave(name, 'untried')
      return turn.comeBackMs
    }
    if (turn.waitMs > 0) await delay(turn.waitMs)
    return undefined
  }

  override leave(name: string, outcome: TargetOutcome): void {
    super.leave(name, outcome)
    this.#target(name).backlog.left()
  }

  #target(name: string): Target {
    if (this.#targets.size > mostTargets) this.#forgetIdle()
    return this.#targets.getOrInsertComputed(name, () => ({
      pace: new TargetPace(this.#perSecond),
      backlog: new TargetBacklog(),
    }))
  }

  #forgetIdle(): void {
    for (const [name, { pace }] of this.#targets) if (pace.isIdle) this.#targets.delete(name)
  }
}
