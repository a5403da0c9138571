import { isQError, QError } from '@qcore/errors'
import { errors } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Claims } from '../claims.ts'
import type { TokenTrust } from '../trust/token-trust.ts'
import type { OidcIssuer } from '../oidc/oidc-issuer.ts'
import { clockToleranceSeconds } from './token-kinds.ts'
import { verifySignature } from './verify-signature.ts'

const mostCachedTokens = 10_000

export interface TokenVerifier {
  /**
   * What a token says. Answers at once for a token that it has seen.
   *
   * @throws QError `token_invalid`, `token_expired`, `token_revoked`, `permission_denied`, `unavailable`
   */
  verify(token: string): Claims | Promise<Claims>
  /**
   * Checks that what was verified before is still good.
   *
   * @throws QError `token_expired`, `token_revoked`, `unavailable`
   */
  recheck(claims: Claims): void
}

export interface VerifierOptions {
  /** Who else is trusted. */
  readonly issuer?: OidcIssuer
  /** Asks for keys again: a token may be signed with one that is new. */
  readonly refresh?: () => Promise<unknown>
}

interface Known {
  readonly claims: Claims
  generation: number
}

/** Verifies tokens: those of the services' secret, of the keys that are trusted, and of an issuer. */
export function createTokenVerifier(
  secret: string,
  trust: TokenTrust,
  { issuer, refresh }: VerifierOptions = {},
): TokenVerifier {
  const secretKey = new TextEncoder().encode(secret)
  const known = new LRUCache<string, Known>({ max: mostCachedTokens })
  const verifyNew = async (token: string): Promise<Claims> => {
    const { generation } = trust
    const claims = await translated(verifySignature(token, { secretKey, trust, issuer, refresh }))
    trust.assertTrusted(claims)
    known.set(token, { claims, generation })
    return claims
  }
  const recheck = (claims: Claims): void => {
    if (claims.expiresAt + clockToleranceSeconds <= Date.now() / 1_000) throw expired()
    trust.assertTrusted(claims)
  }
  return {
    recheck,
    verify(token) {
      const seen = known.get(token)
      if (seen === undefined) return verifyNew(token)
      if (seen.generation !== trust.generation || trust.isStale) {
        // The key may be gone, which the signature tells; what is revoked is told at once.
        known.delete(token)
        recheck(seen.claims)
        return verifyNew(token)
      }
      if (seen.claims.expiresAt + clockToleranceSeconds <= Date.now() / 1_000) throw expired()
      return seen.claims
    },
  }
}

async function translated(verifying: Promise<Claims>): Promise<Claims> {
  try {
    return await verifying
  } catch (error) {
    if (isQError(error)) throw error
    if (error instanceof errors.JWTExpired) throw expired(error)
    if (!(error instanceof errors.JOSEError)) throw error
    throw new QError('token_invalid', 'the token is not one of this deployment', {
      field: 'authorization',
      cause: error,
    })
  }
}

function expired(cause?: unknown): QError {
  return new QError('token_expired', 'the token has ended', {
    field: 'authorization',
    ...(cause === undefined ? {} : { cause }),
  })
}
