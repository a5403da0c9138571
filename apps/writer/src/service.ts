import { accessGate } from '@qcore/access'
import { checkPostgres } from '@qcore/replica'
import { checkNats, type Service } from '@qcore/service'
import { serveNats, validationGate, type NatsServer } from '@qcore/transport'
import type { WriterConfig } from './config.ts'
import { openContext, type WriterContext, type WriterOverrides } from './context.ts'
import { registerHandlers } from './handlers/index.ts'
import { isSurelyValid } from './handlers/surely-valid.ts'
import { Leadership } from './lease/leadership.ts'

export { writerVariables } from './config.ts'
export type { WriterConfig } from './config.ts'
export type { WriterOverrides } from './context.ts'

/**
 * Starts a writer: a standby until it gets the lease, then the one that commits. Any number may run.
 *
 * @throws QError `configuration`, `unavailable`
 */
export async function createWriter(config: WriterConfig, overrides: WriterOverrides = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const leadership = opened.use(new Leadership(context, () => serve(context)))
  leadership.start()
  context.logger.info({ store: config.store }, 'standing by')
  const owned = opened.move()
  return {
    name: 'writer',
    checkHealth: async (signal) => [
      ...(await Promise.all([checkPostgres(context.leasePool, signal), checkNats(context.connection, signal)])),
      { name: 'lease', ok: true, detail: leadership.state },
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function serve(context: WriterContext): Promise<NatsServer> {
  const { store, instanceId } = context.config
  return serveNats({
    connection: context.connection,
    store,
    name: 'qcore-writer',
    version: '0.1.0',
    instanceId,
    gates: [accessGate({ verifier: context.verifier, store }), validationGate(isSurelyValid)],
    maxConcurrentCalls: context.config.queueCommits,
    routes: (router) => registerHandlers(router, context),
    onError: (error, method) => context.logger.error({ err: error, method: method.name }, 'a call failed'),
  })
}
