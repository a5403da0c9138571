import { accessInterceptor } from '@qcore/access'
import { TokenService } from '@qcore/contracts'
import { checkPostgres } from '@qcore/replica'
import { checkNats, type Service } from '@qcore/service'
import { serveNats, validationInterceptor } from '@qcore/transport'
import type { AuthConfig } from './config.ts'
import { openContext, type AuthOverrides } from './context.ts'
import { registerHandlers } from './handlers/index.ts'
import { masterTokenInterceptor } from './master-token-interceptor.ts'

export { authVariables } from './config.ts'
export type { AuthConfig } from './config.ts'
export type { AuthOverrides } from './context.ts'

/**
 * Starts auth: it mints, lists and revokes tokens. Any number may run.
 *
 * @throws QError `configuration`, `unavailable`
 */
export async function createAuth(config: AuthConfig, overrides: AuthOverrides = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const { store, instanceId, masterToken } = config
  const minting = `${TokenService.typeName}/${TokenService.method.mintToken.name}`
  opened.use(
    await serveNats({
      connection: context.connection,
      store,
      name: 'qcore-auth',
      version: '0.1.0',
      instanceId,
      interceptors: [
        accessInterceptor({ verifier: context.verifier, store, unchecked: [minting] }),
        masterTokenInterceptor(masterToken),
        validationInterceptor(),
      ],
      routes: (router) => registerHandlers(router, context),
    }),
  )
  context.logger.info({ store }, 'serving')
  const owned = opened.move()
  return {
    name: 'auth',
    checkHealth: (signal) => Promise.all([checkPostgres(context.pool, signal), checkNats(context.connection, signal)]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
