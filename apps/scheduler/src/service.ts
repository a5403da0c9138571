import { accessGate } from '@qcore/access'
import { checkPostgres } from '@qcore/replica'
import { checkNats, type Service } from '@qcore/service'
import { serveNats, validationGate } from '@qcore/transport'
import type { SchedulerConfig } from './config.ts'
import { openContext, type SchedulerOverrides } from './context.ts'
import { registerHandlers } from './handlers/index.ts'

export { schedulerVariables } from './config.ts'
export type { SchedulerConfig } from './config.ts'
export type { SchedulerOverrides } from './context.ts'

/**
 * Starts a scheduler: it plans and carries out what schedules say, and answers about them. Any number may run.
 *
 * @throws QError `configuration`, `unavailable`
 */
export async function createScheduler(config: SchedulerConfig, overrides: SchedulerOverrides = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const { store, instanceId } = config
  opened.use(
    await serveNats({
      connection: context.connection,
      store,
      name: 'qcore-scheduler',
      version: '0.1.0',
      instanceId,
      gates: [accessGate({ verifier: context.verifier, store }), validationGate()],
      routes: (router) => registerHandlers(router, context),
      onError: (error, method) => context.logger.error({ err: error, method: method.name }, 'a call failed'),
    }),
  )
  context.logger.info({ store }, 'serving')
  const owned = opened.move()
  return {
    name: 'scheduler',
    checkHealth: (signal) => Promise.all([checkPostgres(context.pool, signal), checkNats(context.connection, signal)]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
