import { setTimeout as delay } from 'node:timers/promises'
import { loadRequests } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import type { LeaseTerm } from '../lease/lease-term.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import type { Relay } from '../relay/relay.ts'
import { untilAborted } from '../until-aborted.ts'
import { countGroup, fencedGroups, queueLength, storeSeconds } from '../writer-metrics.ts'
import type { CommitConnection } from './commit-connection.ts'
import type { CommitQueue } from './commit-queue.ts'
import { makeFirstCommit, platform } from './first-commit.ts'
import { loadGroup } from './load-group.ts'
import type { PendingCommit } from './pending-commit.ts'
import { GroupPreparer, type GroupStart, type PreparedGroup } from './prepare-group.ts'
import { isRequestKeyTaken, refusalState } from './statement-failure.ts'
import { storeGroup } from './store-group.ts'
import type { WorkingSet } from './working-set.ts'

/** Commits of a group at most. With one write each that is a statement of some ten milliseconds. */
const mostCommitsOfGroup = 1_000
/** Time before PostgreSQL is asked again that could not be reached. */
const retryMs = 50

export interface CommitterOptions {
  readonly queue: CommitQueue
  readonly connection: CommitConnection
  readonly workingSet: WorkingSet
  readonly relay: Relay
  readonly logKeeper: LogKeeper
  readonly logger: Logger
}

/** How committing ended: the lease is lost, or it is not known whether the last group was committed. */
export type CommitEnd = { readonly kind: 'lost' } | { readonly kind: 'uncertain'; readonly group: PreparedGroup }

type StoreOutcome = 'stored' | 'deposed' | 'uncertain' | 'key_taken' | 'refused'

/** Takes groups of commits from the queue and commits them, one group at a time, while the lease lasts. */
export class Committer {
  readonly #options: CommitterOptions
  readonly #preparer: GroupPreparer
  #revision = 0
  #nextFieldId = 1

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#preparer = new GroupPreparer(options.workingSet, (error) => {
      options.logger.error({ err: error }, 'a commit failed for a fault of the writer')
    })
  }

  /** The newest revision committed. */
  get revision(): number {
    return this.#revision
  }

  /** Goes on from what the store holds. */
  restart(start: { revision: number; nextFieldId: number }): void {
    this.#revision = start.revision
    this.#nextFieldId = start.nextFieldId
  }

  /** Commits until the lease is lost, or `stop` is aborted. */
  async run(term: LeaseTerm, stop: AbortSignal): Promise<CommitEnd> {
    const { queue } = this.#options
    const ended = AbortSignal.any([term.signal, stop])
    for (;;) {
      await queue.waitForCommit(ended)
      if (ended.aborted || !term.mayStart()) return { kind: 'lost' }
      queueLength.set(queue.length)
      const commits = queue.take(mostCommitsOfGroup)
      if (commits.length === 0) continue
      const end = await this.commit(term, commits)
      if (end !== undefined) return end
    }
  }

  /** Makes what a new store begins with. */
  async commitFirst(term: LeaseTerm): Promise<CommitEnd | undefined> {
    await this.#options.logKeeper.ensureRoom(this.#revision + 1)
    const group = this.#preparer.prepareOwn(this.#startOf(term), platform, makeFirstCommit)
    const outcome = await this.#store(term, group)
    if (outcome === 'uncertain') return { kind: 'uncertain', group }
    if (outcome !== 'stored') return { kind: 'lost' }
    this.settle(group)
    return undefined
  }

  /** Commits a group, or as much of it as goes into one; the rest goes back to the queue. */
  async commit(term: LeaseTerm, commits: readonly PendingCommit[]): Promise<CommitEnd | undefined> {
    const { queue, logKeeper } = this.#options
    let group: PreparedGroup
    let outcome: StoreOutcome
    try {
      const room = logKeeper.ensureRoom(this.#revision + commits.length)
      group = await untilAborted(
        room.then(() => this.#prepare(term, commits)),
        term.signal,
      )
      outcome = await this.#store(term, group)
      if (outcome === 'key_taken') await this.#rememberKeys(commits)
    } catch (error) {
      return this.#handleFailure(error, { commits, term })
    }
    switch (outcome) {
      case 'stored':
        this.settle(group)
        queue.putBack(group.rest)
        return undefined
      case 'key_taken':
        queue.putBack(commits)
        return undefined
      case 'refused':
        queue.putBack(group.rest)
        return this.#commitApart(term, group)
      case 'deposed':
        fencedGroups.inc()
        queue.putBack(commits)
        return { kind: 'lost' }
      default:
        queue.putBack(group.rest)
        return { kind: 'uncertain', group }
    }
  }

  /** Takes in what PostgreSQL has committed, publishes it, and answers. */
  settle(group: PreparedGroup): void {
    const { workingSet, relay } = this.#options
    const { start, toRevision, state } = group
    this.#revision = toRevision
    this.#nextFieldId = state.nextFieldId
    for (const model of state.changedTypes.values()) workingSet.types.set(model.name, model)
    for (const { model } of state.addedFields) workingSet.forgetType(model.name)
    for (const entity of state.loadedEntities()) workingSet.entities.set(entity.id, entity)
    for (const [id, entity] of state.changedEntities()) {
      if (entity === undefined) workingSet.entities.delete(id)
      else workingSet.entities.set(id, entity)
    }
    for (const [key, answer] of group.answers) workingSet.answered.set(key, answer)
    const { batch, offsets } = group
    if (offsets.length > 0) relay.publish({ firstRevision: start.revision + 1, batch, offsets })
    countGroup(group)
    for (const { commit, outcome } of group.settlements) commit.settle(outcome)
  }

  #startOf({ epoch, clock }: LeaseTerm): GroupStart {
    return { epoch, revision: this.#revision, nextFieldId: this.#nextFieldId, timeUs: clock.now() }
  }

  async #prepare(term: LeaseTerm, commits: readonly PendingCommit[]): Promise<PreparedGroup> {
    const { connection, workingSet } = this.#options
    const database = await connection.open()
    let load = await loadGroup(database, workingSet, commits)
    let taken = commits
    if (load.isTruncated) {
      // Alone, a deletion shows whether it is the one that reaches too far.
      taken = commits.slice(0, Math.max(1, commits.findIndex(deletes)))
      if (taken.length < commits.length) load = await loadGroup(database, workingSet, taken)
    }
    const start = this.#startOf(term)
    let group = this.#preparer.prepare(taken, load, start)
    if (group.doubtfulKeys.length > 0 && (await this.#rememberKeys(taken, group.doubtfulKeys))) {
      group = this.#preparer.prepare(taken, load, start)
    }
    return { ...group, rest: [...group.rest, ...commits.slice(taken.length)] }
  }

  async #store(term: LeaseTerm, group: PreparedGroup): Promise<StoreOutcome> {
    const { connection, logger } = this.#options
    if (group.rows.log.length === 0 && group.rows.requests.length === 0) return 'stored'
    // Until here nothing was sent: a connection that cannot be opened leaves no doubt.
    const database = await connection.open()
    const stopTimer = storeSeconds.startTimer()
    try {
      const stored = await untilAborted(storeGroup(database, group), term.signal)
      return stored ? 'stored' : 'deposed'
    } catch (error) {
      if (isRequestKeyTaken(error)) return 'key_taken'
      const state = refusalState(error)
      logger.warn({ err: error, state }, 'a group was not committed')
      if (state !== undefined) return 'refused'
      connection.discard()
      return 'uncertain'
    } finally {
      stopTimer()
    }
  }

  /** Looks up idempotency keys in the store. Returns whether one was there. */
  async #rememberKeys(commits: readonly PendingCommit[], wanted?: readonly string[]): Promise<boolean> {
    const { connection, workingSet } = this.#options
    const keys = wanted ?? commits.map(({ request }) => request.idempotencyKey).filter((key) => key !== '')
    const rows = await loadRequests(await connection.open(), keys)
    for (const { key, fingerprint, response } of rows) workingSet.answered.set(key, { fingerprint, response })
    return rows.length > 0
  }

  /** PostgreSQL refused a group. Its commits are tried one by one, so that only the one at fault fails. */
  async #commitApart(term: LeaseTerm, group: PreparedGroup): Promise<CommitEnd | undefined> {
    const commits = group.settlements.map(({ commit }) => commit)
    if (commits.length === 1) {
      commits[0]?.settle(new QError('unavailable', 'PostgreSQL refused the commit; nothing was changed'))
      return undefined
    }
    for (const [index, commit] of commits.entries()) {
      if (!term.mayStart()) {
        this.#options.queue.putBack(commits.slice(index))
        return { kind: 'lost' }
      }
      const end = await this.commit(term, [commit])
      if (end === undefined) continue
      this.#options.queue.putBack(commits.slice(index + 1))
      return end
    }
    return undefined
  }

  /** Nothing was begun. If PostgreSQL cannot be reached, the commits wait for it as long as the lease lasts. */
  async #handleFailure(
    error: unknown,
    { commits, term }: { commits: readonly PendingCommit[]; term: LeaseTerm },
  ): Promise<undefined> {
    const { queue, connection, logger } = this.#options
    if (term.signal.aborted || !connection.isOpen) {
      logger.warn({ err: error }, 'PostgreSQL cannot be reached')
      connection.discard()
      queue.putBack(commits)
      await delay(retryMs)
      return
    }
    logger.error({ err: error }, 'cannot load what a group needs')
    const failure = new QError('unavailable', 'a query of PostgreSQL failed; nothing was changed', { cause: error })
    for (const commit of commits) commit.settle(failure)
  }
}

function deletes({ request }: PendingCommit): boolean {
  return request.mutations.some(({ kind }) => kind.case === 'deleteEntity')
}
