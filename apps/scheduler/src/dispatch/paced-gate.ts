import { setTimeout as delay } from 'node:timers/promises'
import { TargetGate } from './target-gate.ts'
import { TargetPace } from './target-pace.ts'

/** Targets whose pace is remembered, unless more of them are in use. */
const mostIdlePaces = 10_000

/** A gate that also bounds what goes to one target a second. */
export class PacedGate extends TargetGate {
  readonly #perSecond: number
  readonly #paces = new Map<string, TargetPace>()

  /**
   * @param most how many to one target at a time
   * @param perSecond how many to one target a second; 0: as many as there are
   */
  constructor(most: number, perSecond: number) {
    super(most)
    this.#perSecond = perSecond
  }

  override async enter(name: string): Promise<number | undefined> {
    const openMs = await super.enter(name)
    if (openMs !== undefined || this.#perSecond === 0) return openMs
    const turn = this.#pace(name).take()
    if ('comeBackMs' in turn) {
      this.leave(name, 'untried')
      return turn.comeBackMs
    }
    if (turn.waitMs > 0) await delay(turn.waitMs)
    return undefined
  }

  #pace(name: string): TargetPace {
    if (this.#paces.size > mostIdlePaces) this.#forgetIdle()
    return this.#paces.getOrInsertComputed(name, () => new TargetPace(this.#perSecond))
  }

  #forgetIdle(): void {
    for (const [name, pace] of this.#paces) if (pace.isIdle) this.#paces.delete(name)
  }
}
