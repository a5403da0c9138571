import type { SyncConfig } from '@qcore/sync-config'

/** What an answer must have seen. */
export interface ConfigDemand {
  readonly atLeastRevision: bigint
  readonly latest: boolean
  /** Identifies the configuration that the revision belongs to; empty: not checked. */
  readonly configId: string
}

/**
 * Waits until the configuration has what a caller demands. A revision of another configuration means nothing, and is passed over.
 *
 * @throws QError `future_revision`, `unavailable`
 */
export async function meetDemand(
  configuration: SyncConfig,
  { atLeastRevision, latest, configId }: ConfigDemand,
): Promise<void> {
  const isForeign = (): boolean => configId !== '' && configId !== configuration.storeId
  // Either may be the newer one.
  if (latest || isForeign()) await configuration.catchUp()
  if (!isForeign()) await configuration.reach(Number(atLeastRevision))
}
