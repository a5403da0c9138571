import type { ConnectRouter } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import { TokenService } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'
import { getTrustSince } from './get-trust.ts'
import { listAuditOf } from './list-audit.ts'
import { listTokensOf } from './list-tokens.ts'
import { mintTokenFor } from './mint-token.ts'
import { revokeTokenOf } from './revoke-token.ts'
import { rotateKeyFor } from './rotate-key.ts'
import { verifyTokenOf } from './verify-token.ts'

export function registerHandlers(router: ConnectRouter, context: AuthContext): void {
  router.service(TokenService, {
    mintToken: (request) => mintTokenFor(request, context),
    verifyToken: (request) => verifyTokenOf(request, context),
    listTokens: (request) => listTokensOf(request, context),
    revokeToken: (request, call) => revokeTokenOf(request, callerOf(call), context),
    rotateKey: (_, call) => rotateKeyFor(callerOf(call), context),
    getTrust: (request) => getTrustSince(request, context),
    listAudit: (request) => listAuditOf(request, context),
  })
}
