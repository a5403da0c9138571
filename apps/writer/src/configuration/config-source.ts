import type { PoolClient } from '@qcore/database'
import {
  configChannel,
  ensureStore,
  loadPresent,
  platformNames,
  type PresentConfig,
  type StoreNames,
} from '@qcore/sync-config'
import type { PendingCommit } from '../commit/pending-commit.ts'

/** Reads the configuration for commits that change it, and makes its tables when the first one does. */
export class ConfigSource {
  readonly #names: StoreNames
  #isReady = false

  constructor(store: string) {
    this.#names = platformNames(store)
  }

  /** What is stored of the keys that commits name. */
  async load(connection: PoolClient, commits: readonly PendingCommit[]): Promise<PresentConfig> {
    const keys = new Set(commits.flatMap(keysOf))
    if (!this.#isReady) await ensureStore(connection, this.#names, { channel: configChannel, createTable: true })
    this.#isReady = true
    return loadPresent(connection, this.#names, [...keys])
  }
}

/** Whether a commit changes the configuration. */
export function changesConfig({ request }: PendingCommit): boolean {
  return request.mutations.some(({ kind }) => kind.case === 'putConfig' || kind.case === 'deleteConfig')
}

/** The keys of the configuration that a commit names. */
function keysOf({ request }: PendingCommit): string[] {
  const keys: string[] = []
  for (const { kind } of request.mutations) {
    if (kind.case === 'putConfig' || kind.case === 'deleteConfig') keys.push(kind.value.key)
  }
  return keys
}
