import { failpoint, untilAborted, type Logger } from '@qcore/service'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { observeStore } from '../writer-metrics.ts'
import { adoptGroup } from './adopt-group.ts'
import type { CommitConnection } from './commit-connection.ts'
import type { PreparedGroup } from './prepare-group.ts'
import { isConfigHeld, isConfigMoved, isRequestKeyTaken, refusalState } from './statement-failure.ts'
import { storeInTerm } from './store-group.ts'
import type { WorkingSet } from './working-set.ts'

/** What became of a group that was sent. */
export type StoreOutcome =
  'stored' | 'unsent' | 'deposed' | 'uncertain' | 'key_taken' | 'config_moved' | 'config_held' | 'refused'

/** A group that was sent to PostgreSQL. */
export interface Flight {
  readonly group: PreparedGroup
  readonly outcome: Promise<StoreOutcome>
  /** Aborted when the outcome is there. */
  readonly landed: AbortSignal
}

export interface GroupSenderOptions {
  readonly connection: CommitConnection
  readonly workingSet: WorkingSet
  readonly logger: Logger
}

/** Sends groups to PostgreSQL, and tells what became of them. */
export class GroupSender {
  readonly #options: GroupSenderOptions

  constructor(options: GroupSenderOptions) {
    this.#options = options
  }

  /** Sends a group. What a plain one changes is in the working set from now on. */
  send(term: LeaseTerm, group: PreparedGroup): Flight {
    const landing = new AbortController()
    const outcome = this.#store(term, group).finally(() => landing.abort('landed'))
    if (group.isPlain) adoptGroup(this.#options.workingSet, group)
    return { group, outcome, landed: landing.signal }
  }

  async #store(term: LeaseTerm, group: PreparedGroup): Promise<StoreOutcome> {
    const { connection, logger } = this.#options
    if (group.rows.log.length === 0 && group.rows.requests.length === 0) return 'stored'
    const opened = connection.current ?? connection.open()
    const database =
      opened instanceof Promise
        ? await opened.catch((error: unknown) => {
            logger.warn({ err: error }, 'PostgreSQL cannot be reached')
            return undefined
          })
        : opened
    if (database === undefined) return 'unsent'
    const sentAtMs = performance.now()
    try {
      failpoint('writer.before_commit')
      const stored = await untilAborted(storeInTerm(database, term, group), term.signal)
      failpoint('writer.after_commit')
      return stored ? 'stored' : 'deposed'
    } catch (error) {
      if (isRequestKeyTaken(error)) return 'key_taken'
      if (isConfigMoved(error)) return 'config_moved'
      if (isConfigHeld(error)) return 'config_held'
      const state = refusalState(error)
      logger.warn({ err: error, state }, 'a group was not committed')
      if (state !== undefined) return 'refused'
      connection.discard()
      return 'uncertain'
    } finally {
      setImmediate(observeStore, performance.now() - sentAtMs)
    }
  }
}
