import type { ConnectRouter } from '@connectrpc/connect'
import { TokenService } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'
import { mintTokenFor } from './mint-token.ts'
import { verifyTokenOf } from './verify-token.ts'

export function registerHandlers(router: ConnectRouter, context: AuthContext): void {
  router.service(TokenService, {
    mintToken: (request) => mintTokenFor(request, context),
    verifyToken: (request) => verifyTokenOf(request, context),
  })
}
