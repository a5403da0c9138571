import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { occurrenceState } from '../occurrence-state.ts'
import type { ClaimedRow } from '../sql/claim-occurrences.ts'
import { disableSchedule, noteFailure, noteSuccess } from '../sql/disable-schedule.ts'
import type { Settlement } from '../sql/settle-occurrences.ts'

const dayUs = 86_400_000_000
/** A receiver that takes nothing for so long is not sent anything any more. */
const mostFailingDays = 5

/** Disables schedules whose receivers want no more, or have failed for too long. */
export class FailureKeeper {
  readonly #executor: Executor
  readonly #logger: Logger

  constructor(executor: Executor, logger: Logger) {
    this.#executor = executor
    this.#logger = logger
  }

  /** Takes note of how an occurrence of a schedule went. What cannot be stored is noted the next time. */
  async note(row: ClaimedRow, settlement: Settlement): Promise<void> {
    const { scheduleId, revision, failingUs } = row
    try {
      if (settlement.state === occurrenceState.completed) {
        if (failingUs !== null) await noteSuccess(this.#executor, scheduleId)
        return
      }
      if (settlement.state !== occurrenceState.failed) return
      const reason = settlement.reason === 'gone' ? settlement.error : await this.#longFailure(scheduleId)
      if (reason === undefined) return
      await disableSchedule(this.#executor, { scheduleId, revision, reason })
      this.#logger.warn({ schedule: scheduleId, reason }, 'a schedule was disabled')
    } catch (error) {
      this.#logger.warn({ err: error, schedule: scheduleId }, 'cannot take note of how a schedule fares')
    }
  }

  async #longFailure(scheduleId: string): Promise<string | undefined> {
    const failure = await noteFailure(this.#executor, scheduleId)
    if (failure === undefined || failure.nowUs - failure.failingUs < mostFailingDays * dayUs) return undefined
    return `all has failed for ${mostFailingDays} days`
  }
}
