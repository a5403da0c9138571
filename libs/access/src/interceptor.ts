import { createContextKey, type ContextKey, type HandlerContext, type Interceptor } from '@connectrpc/connect'
import { AccessLevel, serviceShortName } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { nameOfLevel, type Claims } from './claims.ts'
import { requireScope, serviceLevels } from './scopes.ts'
import type { TokenVerifier } from './token.ts'

const claimsKey: ContextKey<Claims | undefined> = createContextKey<Claims | undefined>(undefined)

export interface AccessOptions {
  verifier: TokenVerifier
  store: string
  /** Methods that check the caller themselves, as `qcore.auth.v1.TokenService/MintToken`. */
  unchecked?: readonly string[]
}

/**
 * Lets a call through if its token allows it; a handler gets the claims with `callerOf`.
 *
 * @throws QError `unauthenticated`, `token_invalid`, `token_expired`, `permission_denied`
 */
export function accessInterceptor({ verifier, store, unchecked = [] }: AccessOptions): Interceptor {
  return (next) => async (request) => {
    if (unchecked.includes(`${request.service.typeName}/${request.method.name}`)) return next(request)
    const verified = verifier.verify(bearerToken(request.header))
    const claims = verified instanceof Promise ? await verified : verified
    const service = serviceShortName(request.service)
    requireLevel(claims, serviceLevels[service] ?? AccessLevel.ADMIN)
    requireScope(claims, { store, service })
    request.contextValues.set(claimsKey, claims)
    return next(request)
  }
}

/** The claims of the caller of a handler behind `accessInterceptor`. */
export function callerOf(context: HandlerContext): Claims {
  const claims = context.values.get(claimsKey)
  if (claims === undefined) throw new Error('the handler is not behind an access interceptor')
  return claims
}

/**
 * The token of `Authorization: Bearer …`.
 *
 * @throws QError `unauthenticated`
 */
export function bearerToken(headers: Pick<Headers, 'get'>): string {
  const match = /^Bearer +([^\s]+) *$/i.exec(headers.get('authorization') ?? '')
  const token = match?.[1]
  if (token === undefined) {
    throw new QError('unauthenticated', 'send a token as `Authorization: Bearer …`', { field: 'authorization' })
  }
  return token
}

/**
 * Checks a caller's level.
 *
 * @throws QError `permission_denied`
 */
export function requireLevel(claims: Claims, level: AccessLevel): void {
  if (claims.level < level) {
    throw new QError('permission_denied', `this needs level ${nameOfLevel(level)}`, { field: 'level' })
  }
}
