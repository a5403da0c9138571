import { createContextKey, type ContextKey, type HandlerContext, type Interceptor } from '@connectrpc/connect'
import { serviceShortName, type AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { nameOfLevel, type Claims } from './claims.ts'
import { levelOfMethod, requireScope } from './scopes.ts'
import type { TokenVerifier } from './verify/token-verifier.ts'

const claimsKey: ContextKey<Claims | undefined> = createContextKey<Claims | undefined>(undefined)

export interface AccessOptions {
  verifier: TokenVerifier
  store: string
  /** Methods that check the caller themselves, as `qcore.auth.v1.TokenService/MintToken`. */
  unchecked?: readonly string[]
}

type Method = HandlerContext['method']

/** The caller of a method, if its `Authorization` allows the call; undefined for an unchecked method. */
export type CallAuthorizer = (
  method: Method,
  authorization: string | null | undefined,
) => Claims | undefined | Promise<Claims>

/**
 * Decides who may call what. Answers at once for a token that it has seen.
 *
 * @throws QError `unauthenticated`, `token_invalid`, `token_expired`, `token_revoked`, `permission_denied`, `unavailable`
 */
export function createCallAuthorizer({ verifier, store, unchecked = [] }: AccessOptions): CallAuthorizer {
  const check = (claims: Claims, method: Method): Claims => {
    requireLevel(claims, levelOfMethod(method))
    requireScope(claims, { store, service: serviceShortName(method.parent) })
    return claims
  }
  return (method, authorization) => {
    if (unchecked.includes(`${method.parent.typeName}/${method.name}`)) return undefined
    const verified = verifier.verify(parseBearer(authorization))
    return verified instanceof Promise ? verified.then((claims) => check(claims, method)) : check(verified, method)
  }
}

/**
 * Lets a call through if its token allows it; a handler gets the claims with `callerOf`.
 *
 * @throws QError `unauthenticated`, `token_invalid`, `token_expired`, `token_revoked`, `permission_denied`, `unavailable`
 */
export function accessInterceptor(options: AccessOptions): Interceptor {
  const authorize = createCallAuthorizer(options)
  return (next) => async (request) => {
    const authorized = authorize(request.method, request.header.get('authorization'))
    const claims = authorized instanceof Promise ? await authorized : authorized
    if (claims !== undefined) request.contextValues.set(claimsKey, claims)
    return next(request)
  }
}

/** What `accessGate` needs of a call. */
interface CallToCheck {
  readonly method: Method
  readonly values: HandlerContext['values']
  /** The first value of a header. The name is in lower case. */
  receivedHeader(name: string): string | undefined
}

/** Lets calls in, and looks at those that last. */
export interface AccessGate {
  (call: CallToCheck): void | Promise<void>
  /** Checks that a call which goes on is still allowed. Throws QError `token_expired`, `token_revoked`, `unavailable`. */
  recheck(call: Pick<CallToCheck, 'values'>): void
}

/** The same for a server that asks before it calls a handler; a promise only for a token that it has not seen. */
export function accessGate(options: AccessOptions): AccessGate {
  const authorize = createCallAuthorizer(options)
  const gate = (call: CallToCheck): void | Promise<void> => {
    const authorized = authorize(call.method, call.receivedHeader('authorization'))
    if (authorized instanceof Promise) {
      return authorized.then((claims) => {
        call.values.set(claimsKey, claims)
      })
    }
    if (authorized !== undefined) call.values.set(claimsKey, authorized)
    return undefined
  }
  const recheck = ({ values }: Pick<CallToCheck, 'values'>): void => {
    const claims = values.get(claimsKey)
    if (claims !== undefined) options.verifier.recheck(claims)
  }
  return Object.assign(gate, { recheck })
}

/** The claims of the caller of a handler behind `accessInterceptor` or `accessGate`. */
export function callerOf(context: HandlerContext): Claims {
  const claims = context.values.get(claimsKey)
  if (claims === undefined) throw new Error('the handler is behind no check of access')
  return claims
}

/**
 * The token of `Authorization: Bearer …`.
 *
 * @throws QError `unauthenticated`
 */
export function bearerToken(headers: Pick<Headers, 'get'>): string {
  return parseBearer(headers.get('authorization'))
}

function parseBearer(authorization: string | null | undefined): string {
  const match = /^Bearer +([^\s]+) *$/i.exec(authorization ?? '')
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
