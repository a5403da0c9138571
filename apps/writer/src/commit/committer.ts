import { setTimeout as delay } from 'node:timers/promises'
import type { SecretBox } from '@qcore/access'
import { QError } from '@qcore/errors'
import { failpoint, type Logger } from '@qcore/service'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { changesConfig, type ConfigSource } from '../configuration/config-source.ts'
import type { EventKeeper } from '../event/event-keeper.ts'
import type { EventReleaser } from '../event/event-releaser.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import type { EventRelay } from '../relay/event-relay.ts'
import type { Relay } from '../relay/relay.ts'
import { countGroup, fencedGroups, queueLength } from '../writer-metrics.ts'
import { adoptGroup, retractGroup } from './adopt-group.ts'
import type { CommitConnection } from './commit-connection.ts'
import type { CommitQueue } from './commit-queue.ts'
import { makeFirstCommit, platform } from './first-commit.ts'
import { GroupLoader } from './group-loader.ts'
import { GroupSender, type Flight, type StoreOutcome } from './group-sender.ts'
import type { PendingCommit } from './pending-commit.ts'
import { isPlain } from './plain-commit.ts'
import { GroupPreparer, type GroupStart, type OpenGroup, type PreparedGroup, type Settlement } from './prepare-group.ts'
import type { WorkingSet } from './working-set.ts'

/** Commits of a group at most. With one write each that is a statement of some ten milliseconds. */
const mostCommitsOfGroup = 1_000
/** How often in a row others may change the configuration between reading and committing, before its commits are given up. */
const mostConfigMoves = 50
/** Time before PostgreSQL is asked again that could not be reached. */
const retryMs = 50

export interface CommitterOptions {
  readonly queue: CommitQueue
  readonly connection: CommitConnection
  readonly workingSet: WorkingSet
  readonly relay: Relay
  readonly eventRelay: EventRelay
  readonly eventReleaser: EventReleaser
  readonly logKeeper: LogKeeper
  readonly eventKeeper: EventKeeper
  readonly secrets: SecretBox
  readonly configSource: ConfigSource
  readonly logger: Logger
}

/** How committing ended: the lease is lost, or it is not known whether the last group was committed. */
export type CommitEnd = { readonly kind: 'lost' } | { readonly kind: 'uncertain'; readonly group: PreparedGroup }

/**
 * Takes groups of commits from the queue and commits them, while the lease lasts. While PostgreSQL has one group, the
 * next one is prepared as if the first were committed; if it is not, the next one goes back to the queue.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #preparer: GroupPreparer
  readonly #loader: GroupLoader
  readonly #sender: GroupSender
  #revision = 0
  #nextFieldId = 1
  #configMoves = 0

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#loader = new GroupLoader(options)
    this.#sender = new GroupSender(options)
    this.#preparer = new GroupPreparer(options.workingSet, options.secrets, (error) => {
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
      const end = await this.#commitFrom(term, commits, ended)
      if (end !== undefined) return end
    }
  }

  /** Makes what a new store begins with. */
  async commitFirst(term: LeaseTerm): Promise<CommitEnd | undefined> {
    await this.#options.logKeeper.ensureRoom(this.#revision + 1)
    const group = this.#preparer.prepareOwn(this.#startOf(term), platform, makeFirstCommit)
    const { outcome: stored } = this.#sender.send(term, group)
    const outcome = await stored
    if (outcome === 'uncertain') return { kind: 'uncertain', group }
    if (outcome !== 'stored') return { kind: 'lost' }
    this.settle(group)
    return undefined
  }

  /** Takes in what PostgreSQL has committed, publishes it, and answers. */
  settle(group: PreparedGroup): void {
    const { workingSet, relay, eventRelay, eventReleaser } = this.#options
    const { start, toRevision, state, batch, offsets } = group
    this.#revision = toRevision
    if (state.config !== undefined) this.#configMoves = 0
    this.#nextFieldId = state.nextFieldId
    if (!group.isPlain) adoptGroup(workingSet, group)
    if (offsets.length > 0) relay.publish({ firstRevision: start.revision + 1, batch, offsets })
    const { emitted, delayed } = state.events
    if (emitted.length > 0) eventRelay.publish(emitted)
    if (delayed.length > 0) eventReleaser.expect(delayed)
    failpoint('writer.before_reply')
    for (const { commit, outcome } of group.settlements) commit.settle(outcome)
    // Nobody waits for it; for the answers somebody does.
    setImmediate(countGroup, group)
  }

  /** Commits, and goes on with what comes meanwhile, until nothing waits or the signal is aborted. */
  async #commitFrom(
    term: LeaseTerm,
    commits: readonly PendingCommit[],
    ended: AbortSignal,
  ): Promise<CommitEnd | undefined> {
    const { queue } = this.#options
    const first = await this.#prepare(term, commits)
    let flight = first === undefined ? undefined : this.#sender.send(term, first)
    while (flight !== undefined) {
      const { group } = flight
      const open = group.isPlain && !ended.aborted ? await this.#gather(term, flight) : undefined
      const outcome = await flight.outcome
      queue.releaseHeld()
      if (outcome !== 'stored') {
        if (open !== undefined) queue.putBack(commitsOf(open))
        return this.#handleRefusal(term, group, outcome)
      }
      // The next group leaves before this one is answered, so that PostgreSQL need not wait.
      flight = open === undefined ? undefined : this.#sendOpen(term, open)
      this.settle(group)
    }
    return undefined
  }

  /** Prepares commits, or as many of them as go into one group; the rest goes back to the queue. */
  async #prepare(term: LeaseTerm, commits: readonly PendingCommit[]): Promise<PreparedGroup | undefined> {
    const { queue } = this.#options
    try {
      let wanted = commits
      const loading = this.#loader.load(term, wanted, this.#revision)
      let load = loading instanceof Promise ? await loading : loading
      if (load.isTruncated) {
        // Alone, a deletion shows whether it is the one that reaches too far.
        wanted = commits.slice(0, Math.max(1, commits.findIndex(deletes)))
        if (wanted.length < commits.length) load = await this.#loader.load(term, wanted, this.#revision)
      }
      const start = this.#startOf(term)
      let open = this.#preparer.open(load, start)
      let taken = this.#preparer.add(open, wanted)
      if (open.doubtfulKeys.length > 0 && (await this.#loader.rememberKeys(term, open.doubtfulKeys))) {
        open = this.#preparer.open(load, start)
        taken = this.#preparer.add(open, wanted)
      }
      const group = this.#preparer.finish(open)
      queue.putBack(commits.slice(taken))
      return group
    } catch (error) {
      await this.#handleFailure(error, { commits, term })
      return undefined
    }
  }

  /**
   * Prepares what comes while a plain group is in flight, as far as it is plain too. What has to be loaded is asked for
   * on the connection of the group, and so read after it.
   */
  async #gather(term: LeaseTerm, { group, landed }: Flight): Promise<OpenGroup | undefined> {
    const { queue } = this.#options
    let open: OpenGroup | undefined
    for (;;) {
      // Nothing waits: there is time.
      if (queue.isEmpty) open?.effect.anticipate()
      await queue.waitForCommit(landed)
      if (landed.aborted) return open
      const commits = queue.hold(mostCommitsOfGroup - (open?.settlements.length ?? 0), isPlain)
      if (commits.length === 0) return open
      let taken = 0
      try {
        const ahead = open?.settlements.length ?? 0
        const loading = this.#loader.load(term, commits, group.toRevision + ahead)
        const load = loading instanceof Promise ? await loading : loading
        if (open === undefined) open = this.#preparer.open(load, { ...this.#startOf(term), revision: group.toRevision })
        else open.state.addLoad(load)
        taken = this.#preparer.add(open, commits)
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'cannot load what the next group needs')
      }
      if (taken === commits.length) continue
      queue.putBack(commits.slice(taken))
      return open
    }
  }

  /** Sends what was gathered. What needs a closer look, or comes too late for the lease, goes back to the queue. */
  #sendOpen(term: LeaseTerm, open: OpenGroup): Flight | undefined {
    queueLength.set(this.#options.queue.length)
    const commits = commitsOf(open)
    const isReady = open.doubtfulKeys.length === 0 && commits.every(({ signal }) => signal?.aborted !== true)
    if (isReady && term.mayStart()) return this.#sender.send(term, this.#preparer.finish(open))
    this.#options.queue.putBack(commits)
    return undefined
  }

  async #handleRefusal(
    term: LeaseTerm,
    group: PreparedGroup,
    outcome: Exclude<StoreOutcome, 'stored'>,
  ): Promise<CommitEnd | undefined> {
    const { queue, workingSet } = this.#options
    const commits = commitsOf(group)
    if (group.isPlain) retractGroup(workingSet, group)
    switch (outcome) {
      case 'key_taken':
        try {
          await this.#loader.rememberKeys(term, [...group.answers.keys()])
          queue.putBack(commits)
        } catch (error) {
          await this.#handleFailure(error, { commits, term })
        }
        return undefined
      case 'config_moved':
        this.#configMoves += 1
        if (this.#configMoves < mostConfigMoves) queue.putBack(commits)
        else this.#giveUpConfig(commits, 'others change the configuration all the time')
        return undefined
      case 'config_held':
        this.#giveUpConfig(commits, 'another transaction holds the configuration')
        return undefined
      case 'refused':
        return this.#commitApart(term, commits)
      case 'unsent':
        queue.putBack(commits)
        await delay(retryMs)
        return undefined
      case 'deposed':
        fencedGroups.inc()
        queue.putBack(commits)
        return { kind: 'lost' }
      case 'uncertain':
        return { kind: 'uncertain', group }
    }
  }

  #startOf({ epoch, clock }: LeaseTerm): GroupStart {
    return { epoch, revision: this.#revision, nextFieldId: this.#nextFieldId, timeUs: clock.now() }
  }

  /** Fails the commits that change the configuration, so that the others can go on. */
  #giveUpConfig(commits: readonly PendingCommit[], reason: string): void {
    this.#configMoves = 0
    const failure = new QError('unavailable', `${reason}; nothing was changed`)
    for (const commit of commits) if (changesConfig(commit)) commit.settle(failure)
    this.#options.queue.putBack(commits.filter((commit) => !changesConfig(commit)))
  }

  /** PostgreSQL refused a group. Its commits are tried one by one, so that only the one at fault fails. */
  async #commitApart(term: LeaseTerm, commits: readonly PendingCommit[]): Promise<CommitEnd | undefined> {
    if (commits.length === 1) {
      commits[0]?.settle(new QError('unavailable', 'PostgreSQL refused the commit; nothing was changed'))
      return undefined
    }
    const { queue } = this.#options
    queue.putBack(commits)
    for (let left = commits.length; left > 0; left--) {
      if (!term.mayStart()) return { kind: 'lost' }
      const [commit] = queue.take(1)
      if (commit === undefined) continue
      const end = await this.#commitAlone(term, commit)
      // One that was put back stays before the others.
      if (end !== undefined || queue.isNext(commit)) return end
    }
    return undefined
  }

  async #commitAlone(term: LeaseTerm, commit: PendingCommit): Promise<CommitEnd | undefined> {
    const group = await this.#prepare(term, [commit])
    if (group === undefined) return undefined
    const outcome = await this.#sender.send(term, group).outcome
    if (outcome !== 'stored') return this.#handleRefusal(term, group, outcome)
    this.settle(group)
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

/** The commits of a group, in their order. */
function commitsOf({ settlements }: { settlements: readonly Settlement[] }): PendingCommit[] {
  return settlements.map(({ commit }) => commit)
}

function deletes({ request }: PendingCommit): boolean {
  return request.mutations.some(({ kind }) => kind.case === 'deleteEntity')
}
