import { loadRequests } from '@qcore/database'
import { untilAborted } from '@qcore/service'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { changesConfig, type ConfigSource } from '../configuration/config-source.ts'
import type { EventKeeper } from '../event/event-keeper.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import type { CommitConnection } from './commit-connection.ts'
import { nothingLoaded, type GroupLoad } from './group-state.ts'
import { isAtHand } from './is-at-hand.ts'
import { loadGroup } from './load-group.ts'
import type { PendingCommit } from './pending-commit.ts'
import type { WorkingSet } from './working-set.ts'

export interface GroupLoaderOptions {
  readonly connection: CommitConnection
  readonly workingSet: WorkingSet
  readonly logKeeper: LogKeeper
  readonly eventKeeper: EventKeeper
  readonly configSource: ConfigSource
}

/** Loads what groups need, on the connection that commits: after the group that is in flight there. */
export class GroupLoader {
  readonly #options: GroupLoaderOptions

  constructor(options: GroupLoaderOptions) {
    this.#options = options
  }

  /** Loads what commits need that are to follow a revision. A promise only if there is something to wait for. */
  load(term: LeaseTerm, commits: readonly PendingCommit[], revision: number): GroupLoad | Promise<GroupLoad> {
    const { connection, workingSet, logKeeper, eventKeeper, configSource } = this.#options
    const hasEvents = commits.some(emits)
    const isAllHere = commits.every((commit) => isAtHand(commit, workingSet))
    const hasRoom =
      logKeeper.hasRoom(revision + commits.length) && (!hasEvents || eventKeeper.hasRoom(term.clock.now()))
    if (isAllHere && hasRoom) return nothingLoaded()
    const load = async (): Promise<GroupLoad> => {
      await logKeeper.ensureRoom(revision + commits.length)
      if (hasEvents) await eventKeeper.ensureRoom(term.clock.now())
      const database = await connection.open()
      const loaded = await loadGroup(database, workingSet, commits)
      if (!commits.some(changesConfig)) return loaded
      return { ...loaded, config: await configSource.load(database, commits) }
    }
    return untilAborted(load(), term.signal)
  }

  /** Looks up idempotency keys in the store. Returns whether one was there. */
  async rememberKeys(term: LeaseTerm, keys: readonly string[]): Promise<boolean> {
    const { connection, workingSet } = this.#options
    const load = async (): ReturnType<typeof loadRequests> => loadRequests(await connection.open(), keys)
    const rows = await untilAborted(load(), term.signal)
    for (const { key, fingerprint, response } of rows) {
      const answer = { fingerprint: fingerprint.toString('latin1'), response: response.toString('latin1') }
      workingSet.answered.set(key, answer)
    }
    return rows.length > 0
  }
}

function emits({ request, release }: PendingCommit): boolean {
  return release !== undefined || request.mutations.some(({ kind }) => kind.case === 'emitEvent')
}
