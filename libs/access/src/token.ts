import { randomUUID } from 'node:crypto'
import { QError } from '@qcore/errors'
import { errors, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { levelOfName, nameOfLevel, type Claims } from './claims.ts'

/** The one algorithm that is made and accepted. */
const algorithm = 'HS256'
const issuer = 'qcore'
const audience = 'qcore'
/** RFC 9068: keeps access tokens apart from other JWTs of the same key. */
const tokenType = 'at+jwt'

/** Below this a secret for HS256 can be guessed (RFC 7518, 3.2). */
export const leastSecretBytes = 32
/** How far clocks of the services may differ, in seconds. */
const clockToleranceSeconds = 30
const mostCachedTokens = 10_000

export interface TokenRequest {
  subject: string
  level: Claims['level']
  scopes: readonly string[]
  lifetimeSeconds: number
}

/** Makes a token. */
export async function mintToken(secret: string, request: TokenRequest): Promise<{ token: string; claims: Claims }> {
  const issuedAt = Math.floor(Date.now() / 1_000)
  const claims: Claims = {
    subject: request.subject,
    level: request.level,
    scopes: request.scopes,
    tokenId: randomUUID(),
    issuedAt,
    expiresAt: issuedAt + request.lifetimeSeconds,
  }
  const token = await new SignJWT({ level: nameOfLevel(claims.level), scope: claims.scopes })
    .setProtectedHeader({ alg: algorithm, typ: tokenType })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(claims.subject)
    .setJti(claims.tokenId)
    .setIssuedAt(claims.issuedAt)
    .setExpirationTime(claims.expiresAt)
    .sign(new TextEncoder().encode(secret))
  return { token, claims }
}

export interface TokenVerifier {
  /**
   * What a token says. Answers at once for a token that it has seen.
   *
   * @throws QError `token_invalid`, `token_expired`
   */
  verify(token: string): Claims | Promise<Claims>
}

/** Verifies tokens that were minted with a secret. Needs no other service. */
export function createTokenVerifier(secret: string): TokenVerifier {
  const key = new TextEncoder().encode(secret)
  const known = new LRUCache<string, Claims>({ max: mostCachedTokens })
  return {
    verify(token) {
      const claims = known.get(token)
      if (claims === undefined) return verifySignature(token, key).then((fresh) => (known.set(token, fresh), fresh))
      if (claims.expiresAt + clockToleranceSeconds <= Date.now() / 1_000) throw expired()
      return claims
    },
  }
}

async function verifySignature(token: string, key: Uint8Array): Promise<Claims> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      issuer,
      audience,
      typ: tokenType,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'iat', 'sub', 'jti'],
    })
    const level = levelOfName(payload['level'])
    const scopes = payload['scope']
    if (level === undefined || !isStringList(scopes))
      throw new QError('token_invalid', 'the token has no known level or scopes')
    return {
      subject: payload.sub ?? '',
      level,
      scopes,
      tokenId: payload.jti ?? '',
      issuedAt: payload.iat ?? 0,
      expiresAt: payload.exp ?? 0,
    }
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expired(error)
    if (error instanceof errors.JOSEError) {
      throw new QError('token_invalid', 'the token is not one of this deployment', {
        field: 'authorization',
        cause: error,
      })
    }
    throw error
  }
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

function expired(cause?: unknown): QError {
  return new QError('token_expired', 'the token has ended', {
    field: 'authorization',
    ...(cause === undefined ? {} : { cause }),
  })
}
