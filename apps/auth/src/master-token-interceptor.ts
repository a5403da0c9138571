import type { Interceptor } from '@connectrpc/connect'
import { bearerToken, sameSecret } from '@qcore/access'
import { TokenService } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/**
 * Lets only the master token mint.
 *
 * @throws QError `unauthenticated`, `token_invalid`
 */
export function masterTokenInterceptor(masterToken: string): Interceptor {
  return (next) => (request) => {
    if (request.method === TokenService.method.mintToken && !sameSecret(bearerToken(request.header), masterToken)) {
      throw new QError('token_invalid', 'only the master token mints tokens', { field: 'authorization' })
    }
    return next(request)
  }
}
