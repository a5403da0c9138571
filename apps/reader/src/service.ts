import { accessGate } from '@qcore/access'
import { checkFeed, checkPostgres } from '@qcore/replica'
import { checkNats, type Service } from '@qcore/service'
import { serveNats, validationGate } from '@qcore/transport'
import type { ReaderConfig } from './config.ts'
import { openContext, type ReaderOverrides } from './context.ts'
import { registerHandlers } from './handlers/index.ts'
import { isSurelyValid } from './handlers/surely-valid.ts'
import { publishMetrics } from './metrics.ts'

export { readerVariables } from './config.ts'
export type { ReaderConfig } from './config.ts'
export type { ReaderOverrides } from './context.ts'

/** A reader that is further behind answers requests that demand nothing with what is too old. */
const mostLagMs = 10_000

/**
 * Starts a reader: it answers from an exact cache. Any number may run.
 *
 * @throws QError `configuration`, `unavailable`; and what PostgreSQL throws
 */
export async function createReader(config: ReaderConfig, overrides: ReaderOverrides = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const { connection, logger, verifier, replica, pool } = context
  const { store, instanceId } = config
  opened.use(publishMetrics(replica))
  opened.use(
    await serveNats({
      connection,
      store,
      name: 'qcore-reader',
      version: '0.1.0',
      instanceId,
      gates: [accessGate({ verifier, store }), validationGate(isSurelyValid)],
      routes: (router) => registerHandlers(router, context),
      onError: (error, method) => logger.error({ err: error, method: method.name }, 'a call failed'),
    }),
  )
  logger.info({ store, revision: replica.feed.appliedRevision }, 'serving')
  const owned = opened.move()
  return {
    name: 'reader',
    checkHealth: async (signal) => [
      ...(await Promise.all([checkPostgres(pool, signal), checkNats(connection, signal)])),
      checkFeed(replica.feed, mostLagMs),
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
