import { OverlapPolicy } from '@qcore/contracts'
import { transact, type Executor, type Pool } from '@qcore/database'
import { beginAttempts, type AttemptToBegin, type BegunAttempt } from '../sql/begin-attempts.ts'
import { lockSchedule, parkOccurrences, readRivals, replaceRivals } from '../sql/rivals.ts'
import { Gatherer } from './gatherer.ts'
import { Turns, type Applicant, type Turn } from './turn.ts'

/** What came of wanting to begin. `waits`: it is seen to again in its turn, by anybody. `skip`: it is not to be done. */
export type ExclusiveBegin =
  { readonly kind: 'begun'; readonly attempt: BegunAttempt | undefined } | { readonly kind: 'waits' | 'skip' }

export interface ExclusiveOptions {
  readonly pool: Pool
  readonly scheduler: string
  readonly leaseMs: number
}

/** An occurrence that wants to begin its first attempt. */
export interface ExclusiveApplicant extends Applicant {
  readonly attempt: AttemptToBegin
}

/** Occurrences of one schedule that are looked at in one transaction, at most. */
const mostGathered = 500

/**
 * Begins first attempts as the overlap policies of schedules have it. Those of a schedule that are due together are looked
 * at together, in the order of their times; of several schedulers one at a time looks at a schedule.
 */
export class ExclusiveBeginner {
  readonly #options: ExclusiveOptions
  readonly #gatherers = new Map<string, { gatherer: Gatherer<ExclusiveApplicant, ExclusiveBegin>; users: number }>()

  constructor(options: ExclusiveOptions) {
    this.#options = options
  }

  async begin(scheduleId: string, applicant: ExclusiveApplicant): Promise<ExclusiveBegin> {
    let entry = this.#gatherers.get(scheduleId)
    if (entry === undefined) {
      const gatherer = new Gatherer((applicants: readonly ExclusiveApplicant[]) => {
        return this.#beginSome(scheduleId, applicants)
      }, mostGathered)
      this.#gatherers.set(scheduleId, (entry = { gatherer, users: 0 }))
    }
    entry.users++
    try {
      return await entry.gatherer.add(applicant)
    } finally {
      if (--entry.users === 0) this.#gatherers.delete(scheduleId)
    }
  }

  async #beginSome(scheduleId: string, applicants: readonly ExclusiveApplicant[]): Promise<ExclusiveBegin[]> {
    const connection = await this.#options.pool.connect()
    let failure: Error | undefined
    try {
      return await transact(connection, () => this.#decide(connection, scheduleId, applicants))
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      connection.release(failure)
    }
  }

  async #decide(
    connection: Executor,
    scheduleId: string,
    applicants: readonly ExclusiveApplicant[],
  ): Promise<ExclusiveBegin[]> {
    const { scheduler, leaseMs } = this.#options
    await lockSchedule(connection, scheduleId)
    const { hasBegun, waiting } = await readRivals(connection, scheduleId)
    const turns = new Turns(hasBegun, waiting)
    const results = new Map<ExclusiveApplicant, ExclusiveBegin>()
    const parked: { attempt: AttemptToBegin; turn: Turn & { kind: 'wait' } }[] = []
    for (const applicant of applicants.toSorted((a, b) => a.nominalUs - b.nominalUs)) {
      const { attempt, overlap } = applicant
      const turn = turns.turnOf(applicant)
      if (turn.kind === 'wait') parked.push({ attempt, turn })
      results.set(applicant, { kind: turn.kind === 'wait' ? 'waits' : 'skip' })
      if (turn.kind !== 'begin') continue
      const [begun] = await beginAttempts(connection, scheduler, { attempts: [attempt], leaseMs })
      if (begun !== undefined) {
        if (turns.hasBegun && overlap === OverlapPolicy.CANCEL_OTHER) {
          await replaceRivals(connection, scheduleId, attempt.occurrenceId)
        }
        turns.begin(applicant)
      }
      results.set(applicant, { kind: 'begun', attempt: begun })
    }
    await parkOccurrences(
      connection,
      parked.map(({ attempt, turn }) => ({ ...attempt, waitMs: turn.waitMs })),
    )
    return applicants.map((applicant) => results.get(applicant) ?? { kind: 'skip' })
  }
}
