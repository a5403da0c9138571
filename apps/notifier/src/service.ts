import { accessGate } from '@qcore/access'
import { checkFeed, checkPostgres } from '@qcore/replica'
import { checkNats, type HealthCheck, type Service } from '@qcore/service'
import { serveNats, validationGate } from '@qcore/transport'
import type { NotifierConfig } from './config.ts'
import { openContext, type NotifierContext, type NotifierOverrides } from './context.ts'
import { registerHandlers } from './handlers/index.ts'
import { isSurelyValid } from './handlers/surely-valid.ts'

export { notifierVariables } from './config.ts'
export type { NotifierConfig } from './config.ts'
export type { NotifierOverrides } from './context.ts'

/** A notifier that is further behind than this is not ready: new streams would begin in the past. */
const mostLagMs = 5_000

/**
 * Starts a notifier: it serves watches. Any number may run; each follows the whole log.
 *
 * @throws QError `configuration`, `unavailable`
 */
export async function createNotifier(config: NotifierConfig, overrides: NotifierOverrides = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const { store, instanceId } = config
  opened.use(
    await serveNats({
      connection: context.connection,
      store,
      name: 'qcore-notifier',
      version: '0.1.0',
      instanceId,
      gates: [accessGate({ verifier: context.verifier, store }), validationGate(isSurelyValid)],
      routes: (router) => registerHandlers(router, context),
      onError: (error, method) => context.logger.error({ err: error, method: method.name }, 'a call failed'),
    }),
  )
  // Before the server stops: the streams tell their callers where to resume.
  opened.defer(() => context.live.shutDown({ code: 'unavailable', message: 'this notifier stops; resume at another' }))
  opened.defer(() => context.nodeStreams.shutDown())
  // And before the streams end that registrations are read from.
  opened.defer(() => context.shares[Symbol.asyncDispose]())
  context.logger.info({ store, revision: context.feed.appliedRevision }, 'serving')
  const owned = opened.move()
  return {
    name: 'notifier',
    checkHealth: (signal) => checkHealth(context, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function checkHealth({ connection, pool, feed }: NotifierContext, signal: AbortSignal): Promise<HealthCheck[]> {
  return [
    ...(await Promise.all([checkPostgres(pool, signal), checkNats(connection, signal)])),
    checkFeed(feed, mostLagMs),
  ]
}
