import { setTimeout as delay } from 'node:timers/promises'
import { loadBoundSchedules, loadTermStart, loadTypes } from '@qcore/database'
import { QError } from '@qcore/errors'
import { typeModelFromSchema } from '@qcore/model'
import { untilAborted, type Logger } from '@qcore/service'
import type { NatsServer } from '@qcore/transport'
import type { CommitEnd } from '../commit/committer.ts'
import type { PreparedGroup } from '../commit/prepare-group.ts'
import { resolveOutcome, type Outcome } from '../commit/resolve-outcome.ts'
import type { WriterContext } from '../context.ts'
import { LateAbort } from '../late-abort.ts'
import { carryOutRestore } from '../restore/carry-out-restore.ts'
import type { LeaseState } from './lease-machine.ts'
import { LeaseTerm, type LeaseOptions } from './lease-term.ts'

/** How long the answer to a commit waits whose reply from PostgreSQL was lost; then it is `outcome_unknown`. */
const outcomeTimeoutMs = 8_000
/** How long the calls that came before a stop may take. */
const drainTimeoutMs = 5_000
/** How long a stop waits for PostgreSQL to take the lease back; if it hangs, the lease runs out by itself. */
const releaseTimeoutMs = 1_000
/** How long a stop waits for the outcome of a commit whose reply was lost. */
const stopOutcomeTimeoutMs = 2_000

/** A leader that NATS has left gives its lease up after this part of what it lasts: one that can be reached takes over. */
const mostAbsenceShare = 0.5

export interface LeadOptions {
  readonly context: WriterContext
  readonly lease: LeaseOptions
  /** Serves the methods; called when the first commit can be made. */
  readonly serve: () => Promise<NatsServer>
  /** Told of every step. */
  readonly moveTo: (event: 'ready' | 'shaken' | 'lost') => LeaseState
  /** Aborted when the writer is to stop. */
  readonly stop: AbortSignal
}

/** Leads with a lease, and with those that follow it at once after a group whose outcome had to be found out. */
export async function lead(options: LeadOptions, firstTerm: LeaseTerm): Promise<void> {
  const { context, lease, serve, moveTo, stop } = options
  const { presence, queue, sessions, committer, relay, eventRelay, eventReleaser, restores, logger } = context
  await using serving = new Serving(serve)
  let term: LeaseTerm | undefined = firstTerm
  try {
    while (term !== undefined) {
      await using current: LeaseTerm = term
      using _ = presence.onAbsence(lease.leaseMs * mostAbsenceShare, () => giveUp(current, logger))
      term = undefined
      let end = await begin(context, current)
      if (end === undefined) sessions.restart()
      while (end === undefined) {
        queue.open()
        restores.open()
        await serving.begin()
        moveTo('ready')
        logger.info({ epoch: current.epoch, revision: committer.revision }, 'leading')
        end = await serving.run(current, { context, stop })
        const restore = end.kind === 'lost' && !stop.aborted && current.mayStart() ? restores.take() : undefined
        if (restore === undefined) break
        moveTo('shaken')
        // What the writer has in memory is void: the term begins anew.
        if (await carryOutRestore(context, current, { restore, stop })) end = await begin(context, current)
      }
      if (end.kind === 'uncertain') {
        moveTo('shaken')
        const isSettled = await settleUncertain(context, current, { group: end.group, stop })
        term = isSettled && !stop.aborted && presence.isThere ? (await LeaseTerm.take(lease)).term : undefined
      } else if (stop.aborted && !current.signal.aborted) {
        await untilAborted(release(current, logger), AbortSignal.timeout(releaseTimeoutMs)).catch(() => undefined)
      }
    }
  } finally {
    moveTo('lost')
    queue.close()
    restores.close()
    await Promise.all([relay.stop(), eventRelay.stop(), eventReleaser.stop()])
  }
}

/** Ends a term in which nobody reaches the writer. */
function giveUp(term: LeaseTerm, logger: Logger): void {
  logger.warn({ epoch: term.epoch }, 'NATS is away; the lease is given up')
  void release(term, logger)
}

/** Gives the lease up. If PostgreSQL is away, it runs out by itself. Never rejects. */
function release(term: LeaseTerm, logger: Logger): Promise<void> {
  return term.release().catch((error: unknown) => {
    logger.warn({ err: error, epoch: term.epoch }, 'cannot release the lease')
  })
}

/** Loads what a term starts from. Returns how it ended if it did not come that far. */
async function begin(context: WriterContext, term: LeaseTerm): Promise<CommitEnd | undefined> {
  const { leasePool, workingSet, logKeeper, eventKeeper, relay, eventRelay, eventReleaser, committer } = context
  await Promise.all([relay.stop(), eventRelay.stop(), eventReleaser.stop()])
  const start = await loadTermStart(leasePool)
  if (start.epoch !== term.epoch) return { kind: 'lost' }
  term.clock.startFrom(start.committedUs)
  const [{ schemas }, bound] = await Promise.all([
    loadTypes(leasePool),
    loadBoundSchedules(leasePool),
    logKeeper.restart(start.revision),
    eventKeeper.restart(term.clock.now()),
  ])
  workingSet.restart(schemas.map(typeModelFromSchema))
  workingSet.boundFields.restart(bound)
  committer.restart(start)
  relay.start(start.logId, start.revision)
  eventRelay.start(() => term.clock.now())
  eventReleaser.start(() => term.clock.now())
  return start.revision === 0 ? committer.commitFirst(term) : undefined
}

/**
 * Finds out what became of a group, and answers its commits. Meanwhile others wait as long as the lease would have
 * lasted. Returns whether it is known, so that the lease may be taken again.
 */
async function settleUncertain(
  context: WriterContext,
  term: LeaseTerm,
  { group, stop }: { group: PreparedGroup; stop: AbortSignal },
): Promise<boolean> {
  const { leasePool, queue, committer, logger } = context
  const { limitMs } = term
  term.end('closed')
  const expiry = setTimeout(() => queue.close(), Math.max(0, limitMs - performance.now()))
  using stopped = new LateAbort(stop, stopOutcomeTimeoutMs)
  const signal = AbortSignal.any([AbortSignal.timeout(outcomeTimeoutMs), stopped.signal])
  let outcome: Outcome
  try {
    outcome = await resolveOutcome(leasePool, group, { logger, signal })
  } finally {
    clearTimeout(expiry)
  }
  logger.warn({ outcome, epoch: term.epoch, commits: group.settlements.length }, 'a reply of PostgreSQL was lost')
  if (outcome === 'committed') {
    committer.settle(group)
    return true
  }
  if (outcome === 'not_committed') {
    queue.putBack(group.settlements.map(({ commit }) => commit))
    return true
  }
  const failure = new QError('outcome_unknown', 'PostgreSQL did not say whether it made the commit; retry with its key')
  for (const { commit } of group.settlements) commit.settle(failure)
  return false
}

/** The methods as they are served: from the first term on, until the last one is over. */
class Serving implements AsyncDisposable {
  readonly #serve: () => Promise<NatsServer>
  #server: NatsServer | undefined

  constructor(serve: () => Promise<NatsServer>) {
    this.#serve = serve
  }

  async begin(): Promise<void> {
    this.#server ??= await this.#serve()
  }

  /**
   * Commits until the term ends, or a restore waits to be applied; at a stop, until the calls that came before it are
   * answered.
   */
  async run(term: LeaseTerm, { context, stop }: { context: WriterContext; stop: AbortSignal }): Promise<CommitEnd> {
    const drained = new AbortController()
    const onStop = (): void => {
      const drain = this.#server?.drain(drainTimeoutMs) ?? Promise.resolve()
      drain
        .catch((error: unknown) => context.logger.warn({ err: error }, 'cannot drain'))
        .finally(() => drained.abort())
        .catch(() => undefined)
    }
    stop.addEventListener('abort', onStop, { once: true })
    if (stop.aborted) onStop()
    try {
      const ended = AbortSignal.any([drained.signal, context.restores.interruption])
      return await context.committer.run(term, ended)
    } finally {
      stop.removeEventListener('abort', onStop)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
  }
}

/** Time before a writer that could not lead asks for the lease again. */
const afterFailureMs = 250

/** Waits after a term that failed, so that a lasting fault does not make a tight loop. */
export async function pauseAfterFailure(signal: AbortSignal): Promise<void> {
  await delay(afterFailureMs, undefined, { signal }).catch(() => undefined)
}
