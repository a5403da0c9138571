import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { OverlapPolicy, type OccurrenceCause } from '@qcore/contracts'
import type { Pool } from '@qcore/database'
import { isOccurrence } from '@qcore/recurrence'
import { failpoint, type Logger } from '@qcore/service'
import type { ActionCase, ActionOutcome, ActionRunner } from '../action/action.ts'
import type { DueNotices } from '../action/due-notices.ts'
import { attemptShare } from '../config.ts'
import { schedulerMetrics } from '../metrics.ts'
import { storedScheduleState } from '../message/schedule-message.ts'
import { occurrenceCause, occurrenceState } from '../occurrence-state.ts'
import { readRuleSpec, readSettingsOf, type ScheduleSettings } from '../schedule-settings.ts'
import { beginAttempts, type AttemptToBegin, type BegunAttempt } from '../sql/begin-attempts.ts'
import type { ClaimedRow } from '../sql/claim-occurrences.ts'
import { completeOccurrences } from '../sql/complete-occurrences.ts'
import { settleOccurrences, type Settlement } from '../sql/settle-occurrences.ts'
import { withLetter } from './death-of.ts'
import { ExclusiveBeginner } from './exclusive-begin.ts'
import type { FailureKeeper } from './failure-keeper.ts'
import { Gatherer } from './gatherer.ts'
import { decideLate } from './late-decision.ts'
import { settlementOf, unattempted } from './settlement-of.ts'
import type { TargetGate, TargetOutcome } from './target-gate.ts'

/** Items of one statement at most. */
const mostGathered = 500
/** HTTP statuses from here on are the server's fault. */
const leastServerError = 500
/** Time before what has happened is stored again, if PostgreSQL could not be reached. */
const retryMs = 250

export interface CarrierOptions {
  readonly pool: Pool
  readonly logger: Logger
  readonly instanceId: string
  readonly leaseMs: number
  readonly failures: FailureKeeper
  readonly gate: TargetGate
  readonly notices: DueNotices
  readonly runners: Readonly<Record<ActionCase, ActionRunner>>
  /** Is told when an action is over, before that is recorded. */
  readonly onActed: () => void
}

/** An attempt that has begun. */
interface Beginning {
  readonly claim: string
  readonly begun: BegunAttempt
  /** It, and those before it that count against the most there may be. */
  readonly tries: number
  /** When it was asked for, on the clock of `performance.now()`. */
  readonly askedAt: number
  /** Is told as soon as the target is done with it. */
  readonly onActed: (outcome: TargetOutcome) => void
}

/** Carries out occurrences that were claimed: decides, records the attempt, acts, and records how it went. */
export class Carrier {
  readonly #options: CarrierOptions
  readonly #begin: Gatherer<AttemptToBegin, BegunAttempt | undefined>
  readonly #complete: Gatherer<Settlement, boolean>
  readonly #settle: Gatherer<Settlement, boolean>
  readonly #exclusive: ExclusiveBeginner
  readonly #stop = new AbortController()
  #recording = 0

  constructor(options: CarrierOptions) {
    this.#options = options
    const { pool, instanceId, leaseMs } = options
    // Each action that is under way listens.
    setMaxListeners(0, this.#stop.signal)
    this.#exclusive = new ExclusiveBeginner({ pool, scheduler: instanceId, leaseMs })
    this.#begin = new Gatherer(async (attempts) => {
      const begun = await beginAttempts(pool, instanceId, { attempts, leaseMs })
      const byId = new Map(begun.map((attempt) => [attempt.occurrenceId, attempt]))
      return attempts.map(({ occurrenceId }) => byId.get(occurrenceId))
    }, mostGathered)
    const storing = (store: typeof settleOccurrences) =>
      new Gatherer(async (settlements: readonly Settlement[]) => {
        const stored = await store(pool, settlements)
        return settlements.map(({ occurrenceId }) => stored.has(occurrenceId))
      }, mostGathered)
    this.#complete = storing(completeOccurrences)
    this.#settle = storing(settleOccurrences)
  }

  /** How many are over but for that being recorded. */
  get recording(): number {
    return this.#recording
  }

  /** Cuts off what is under way. */
  stop(): void {
    this.#stop.abort()
  }

  /** @param claimedAt when it was claimed, on the clock of `performance.now()` */
  async carry(row: ClaimedRow, claim: string, claimedAt: number): Promise<void> {
    const settings = readSettingsOf(row.definition)
    if (row.hasBegun) {
      const begun = { occurrenceId: row.id, number: row.attempts, startedUs: row.claimUs, isFirst: true }
      await this.#carryOut(row, settings, {
        claim,
        begun,
        tries: row.tries,
        askedAt: claimedAt,
        onActed: () => undefined,
      })
      return
    }
    const decided = decide(row, settings)
    if (typeof decided !== 'number') {
      await this.#store(this.#withLetter(unattempted(row.id, claim, decided), row, settings), claimedAt)
      return
    }
    const target = targetOf(settings)
    if (target === undefined) {
      await this.#attempt(row, settings, { claim, cause: decided, onActed: () => undefined })
      return
    }
    const comeBackMs = await this.#options.gate.enter(target)
    if (comeBackMs !== undefined) {
      await this.#store(turnBack(row, claim, comeBackMs), claimedAt)
      return
    }
    let isIn = true
    const leave = (outcome: TargetOutcome): void => {
      if (isIn) this.#options.gate.leave(target, outcome)
      isIn = false
    }
    try {
      await this.#attempt(row, settings, { claim, cause: decided, onActed: leave })
    } finally {
      leave('untried')
    }
  }

  /** Records the attempt, and carries it out. */
  async #attempt(
    row: ClaimedRow,
    settings: ScheduleSettings,
    { claim, cause, onActed }: Pick<Beginning, 'claim' | 'onActed'> & { cause: OccurrenceCause },
  ): Promise<void> {
    const askedAt = performance.now()
    if (this.#stop.signal.aborted) {
      await this.#store(giveBack(row, claim, 0), askedAt)
      return
    }
    const needsActive = cause < occurrenceCause.manual && !isInDoubt(row, settings)
    const wanted = { occurrenceId: row.id, claim, revision: row.revision, cause, needsActive }
    const begun = isExclusive(row, settings)
      ? await this.#beginExclusively(row, settings, wanted)
      : await this.#begin.add(wanted)
    if (begun === 'over') return
    if (begun === undefined) {
      // It was changed, or taken back; if it is still ours, it is looked at anew.
      await this.#store(giveBack(row, claim, 0), askedAt)
      return
    }
    await this.#carryOut(row, settings, { claim, begun, tries: row.tries + 1, askedAt, onActed })
  }

  /** Acts, after the attempt was recorded, and records how it went. */
  async #carryOut(
    row: ClaimedRow,
    settings: ScheduleSettings,
    { claim, begun, tries, askedAt, onActed }: Beginning,
  ): Promise<void> {
    if (begun.isFirst) schedulerMetrics.lateness.observe(Math.max(0, begun.startedUs - row.dueUs) / 1_000_000)
    failpoint('scheduler.after_begin')
    const { number, startedUs } = begun
    const outcome = await this.#act(row, settings, { number, startedUs, deadlineAt: askedAt + this.#attemptMs })
    onActed(isRequest(settings) ? blameOf(outcome) : 'untried')
    failpoint('scheduler.after_action')
    const ended = { occurrenceId: row.id, claim, number, tries }
    schedulerMetrics.attempts.inc({ outcome: outcome.kind })
    // What was in doubt is so until an attempt tells.
    const isOpen = outcome.kind === 'postponed' && isInDoubt(row, settings)
    const settlement = settlementOf(ended, isOpen ? { ...outcome, inDoubt: true } : outcome, settings)
    await this.#store(this.#withLetter(settlement, row, settings), askedAt)
    if (isRequest(settings)) await this.#options.failures.note(row, settlement)
  }

  /** Begins as the overlap policy has it. `over`: it waits for its turn, or is skipped. */
  async #beginExclusively(
    row: ClaimedRow,
    { put }: ScheduleSettings,
    wanted: AttemptToBegin,
  ): Promise<BegunAttempt | 'over' | undefined> {
    const askedAt = performance.now()
    const applicant = { attempt: wanted, nominalUs: row.nominalUs, overlap: put.overlap, isWaiting: isWaiting(row) }
    const begin = await this.#exclusive.begin(row.scheduleId, applicant)
    if (begin.kind === 'begun') return begin.attempt
    if (begin.kind === 'skip') {
      const skipped = { state: occurrenceState.skipped, reason: 'overlap' } as const
      await this.#store(unattempted(row.id, wanted.claim, skipped), askedAt)
    }
    return 'over'
  }

  get #attemptMs(): number {
    return this.#options.leaseMs * attemptShare
  }

  async #act(
    occurrence: ClaimedRow,
    settings: ScheduleSettings,
    { number, startedUs, deadlineAt }: { number: number; startedUs: number; deadlineAt: number },
  ): Promise<ActionOutcome> {
    const kind = kindOf(settings)
    if (kind === undefined) return { kind: 'failed', error: 'the action is not known here', finally: 'refused' }
    const leftMs = deadlineAt - performance.now()
    // The process stood still: somebody else may have begun by now.
    if (leftMs <= 0) {
      return { kind: 'postponed', error: 'the scheduler stood still; nothing was done', inDoubt: false }
    }
    const { signal } = this.#stop
    if (signal.aborted) return { kind: 'postponed', error: 'the scheduler stopped; nothing was done', inDoubt: false }
    const occasion = { occurrence, settings, attempt: number, startedUs, deadlineAt }
    try {
      this.#options.notices.tell(occasion)
      return await this.#options.runners[kind].run(occasion, signal)
    } catch (error) {
      if (signal.aborted) return { kind: 'failed', error: 'the scheduler stopped' }
      this.#options.logger.error(
        { err: error, schedule: occurrence.scheduleId },
        'an action failed for a fault of ours',
      )
      return { kind: 'failed', error: 'the scheduler failed; its log has the cause' }
    }
  }

  #withLetter(settlement: Settlement, occurrence: ClaimedRow, settings: ScheduleSettings): Settlement {
    return withLetter(settlement, { occurrence, settings, scheduler: this.#options.instanceId })
  }

  async #store(settlement: Settlement, sinceAt: number): Promise<void> {
    this.#recording++
    this.#options.onActed()
    try {
      await this.#storeInTime(settlement, sinceAt)
    } finally {
      this.#recording--
    }
  }

  /** Stores what has happened, again and again as long as the occurrence is ours. */
  async #storeInTime(settlement: Settlement, sinceAt: number): Promise<void> {
    for (;;) {
      try {
        const isCompleted = settlement.state === occurrenceState.completed && (await this.#complete.add(settlement))
        const isStored = isCompleted || (await this.#settle.add(settlement))
        const state = occurrenceState.completed <= settlement.state ? stateNames[settlement.state] : undefined
        if (isStored && state !== undefined) schedulerMetrics.ended.inc({ state })
        return
      } catch (error) {
        if (performance.now() - sinceAt > this.#options.leaseMs) throw error
        await delay(retryMs)
      }
    }
  }
}

/** Whether an occurrence has to mind others of its schedule: until it has begun, if the rule made it. */
function isExclusive({ cause, attempts }: ClaimedRow, { put }: ScheduleSettings): boolean {
  return put.overlap !== OverlapPolicy.UNSPECIFIED && cause < occurrenceCause.manual && attempts === 0
}

/** Whether an occurrence has a place among those of its schedule that wait for their turn. */
function isWaiting({ reason }: ClaimedRow): boolean {
  return reason === 'overlap'
}

/** Has an occurrence looked at anew, by anybody. */
function giveBack({ id, wasState, reason, error }: ClaimedRow, claim: string, waitMs: number): Settlement {
  const state = wasState === occurrenceState.running ? occurrenceState.running : occurrenceState.pending
  return unattempted(id, claim, { state, reason, error, waitMs })
}

/** Has an occurrence come again to a target that takes none now. That it was in time stays so. */
function turnBack(row: ClaimedRow, claim: string, waitMs: number): Settlement {
  return giveBack({ ...row, reason: row.reason === '' ? 'target' : row.reason }, claim, waitMs)
}

/** Who is called: of a request scheme, host and port. Undefined: the action calls nobody. */
function targetOf({ put }: ScheduleSettings): string | undefined {
  const kind = put.action?.kind
  if (kind?.case === 'websocket') return `client ${kind.value.clientName}`
  return kind?.case === 'webhook' || kind?.case === 'apiCall' ? new URL(kind.value.url).origin : undefined
}

/** Whether an HTTP request is sent. A client that is away for long, or often, is called again as soon as it is back. */
function isRequest(settings: ScheduleSettings): boolean {
  const kind = kindOf(settings)
  return kind === 'webhook' || kind === 'apiCall'
}

/** Whether a target can be blamed: it did not answer, or says itself that it is broken. */
function blameOf(outcome: ActionOutcome): TargetOutcome {
  if (outcome.kind === 'postponed') return 'untried'
  if (outcome.kind === 'done') return 'taken'
  const { statusCode = 0, finally: final } = outcome
  if (final === 'refused') return 'untried'
  return statusCode === 0 || statusCode >= leastServerError ? 'failed' : 'taken'
}

function kindOf({ put }: ScheduleSettings): ActionCase | undefined {
  return put.action?.kind.case
}

/** Whether its commit may have been made already: trying again finds out, and makes none twice. */
function isInDoubt({ wasState }: ClaimedRow, settings: ScheduleSettings): boolean {
  const kind = kindOf(settings)
  return wasState === occurrenceState.running && (kind === 'emitEvent' || kind === 'writeFields')
}

/** What becomes of an occurrence that was under way when its schedule stopped firing, and has to be tried again. */
function idleState({ scheduleState, disabledReason }: ClaimedRow): Parameters<typeof unattempted>[2] | undefined {
  if (scheduleState === storedScheduleState.deleted) return { state: occurrenceState.cancelled, reason: 'deleted' }
  if (scheduleState === storedScheduleState.paused) return { state: occurrenceState.skipped, reason: 'paused' }
  return disabledReason === '' ? undefined : { state: occurrenceState.skipped, reason: 'disabled' }
}

/**
 * Whether the rule that an occurrence was planned by is not that of its schedule any more. The commit that changed it takes
 * such occurrences back, but for those that were being stored at that moment.
 */
function isOfFormerRule({ cause, attempts, nominalUs, ruleChangedUs, ruleSpec }: ClaimedRow): boolean {
  if (cause >= occurrenceCause.manual || attempts > 0 || ruleChangedUs === null) return false
  return nominalUs > ruleChangedUs && !isOccurrence(readRuleSpec(ruleSpec), nominalUs / 1_000)
}

const stateNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(occurrenceState).map(([name, number]) => [number, name]),
)

/** Why an occurrence fires, or what becomes of it instead. */
function decide(row: ClaimedRow, settings: ScheduleSettings): OccurrenceCause | Parameters<typeof unattempted>[2] {
  if (isInDoubt(row, settings)) return row.cause
  const idle = row.cause < occurrenceCause.manual ? idleState(row) : undefined
  if (idle !== undefined) return idle
  if (isOfFormerRule(row)) return { state: occurrenceState.cancelled, reason: 'changed' }
  if (row.reason === 'replaced') return { state: occurrenceState.cancelled, reason: 'replaced' }
  if (row.wasState === occurrenceState.running && row.tries >= settings.maxAttempts) {
    return { state: occurrenceState.failed, reason: 'attempts', error: 'the scheduler of the last attempt was lost' }
  }
  // One that waits for its turn, or for its target, is not late.
  const waits = isWaiting(row) || row.reason === 'target'
  if (row.cause !== occurrenceCause.scheduled || row.attempts > 0 || waits) return row.cause
  const { nominalUs, dueUs, claimUs: nowUs } = row
  const decision = decideLate(() => readRuleSpec(row.ruleSpec), { nominalUs, dueUs, nowUs }, settings)
  return decision.fires ? decision.cause : { state: occurrenceState.missed, reason: decision.reason }
}
