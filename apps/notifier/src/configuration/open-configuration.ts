import type { Logger } from '@qcore/service'
import { openSyncConfig, platformTable, type SyncConfig } from '@qcore/sync-config'
import type { NotifierConfig } from '../config.ts'

/** PostgreSQL was there a moment ago. */
const startTimeoutMs = 30_000

/** Opens the configuration of the store, as any instance does. */
export function openConfiguration(
  { postgresAddress, store, instanceId, configHeartbeatMs }: NotifierConfig,
  logger: Logger,
): Promise<SyncConfig> {
  return openSyncConfig({
    address: postgresAddress,
    schema: store,
    tableName: platformTable,
    instanceId: `notifier ${instanceId}`,
    heartbeatIntervalMs: configHeartbeatMs,
    startTimeoutMs,
    onProblem: ({ kind, message, error }) => logger.warn({ err: error, kind }, message),
  })
}
