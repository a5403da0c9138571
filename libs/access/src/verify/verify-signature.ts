import { createHash } from 'node:crypto'
import { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { levelOfName, type Claims } from '../claims.ts'
import type { OidcIssuer } from '../oidc/oidc-issuer.ts'
import type { TokenTrust, VerifyingKey } from '../trust/token-trust.ts'
import {
  audience,
  clockToleranceSeconds,
  ownIssuer,
  ownType,
  qhronosIssuer,
  qhronosLifetimeSeconds,
  qhronosType,
  secretAlgorithm,
} from './token-kinds.ts'

export interface SignatureOptions {
  readonly secretKey: Uint8Array
  readonly trust: TokenTrust
  readonly issuer: OidcIssuer | undefined
  readonly refresh: (() => Promise<unknown>) | undefined
}

const ownOptions = {
  issuer: ownIssuer,
  audience,
  typ: ownType,
  clockTolerance: clockToleranceSeconds,
  requiredClaims: ['exp', 'iat', 'sub', 'jti'],
} as const satisfies JWTVerifyOptions

/** Verifies a token by what its header and issuer say it is; each kind has its own key and its own algorithms. */
export async function verifySignature(token: string, options: SignatureOptions): Promise<Claims> {
  const { secretKey, issuer } = options
  const { alg, kid, typ } = decodeHeader(token)
  if (alg === secretAlgorithm) {
    if (typ === undefined || typ === qhronosType) return verifyQhronos(token, secretKey)
    const { payload } = await jwtVerify(token, secretKey, { ...ownOptions, algorithms: [secretAlgorithm] })
    return ownClaims(payload)
  }
  const { iss } = decodeJwt(token)
  if (issuer !== undefined && iss === issuer.url) return issuer.verify(token)
  if (iss !== ownIssuer || kid === undefined) throw invalid('the token is not one of this deployment')
  const { algorithm, key } = await findKey(kid, options)
  const { payload } = await jwtVerify(token, key, { ...ownOptions, algorithms: [algorithm] })
  return ownClaims(payload)
}

function decodeHeader(token: string): { alg?: string; kid?: string; typ?: string } {
  try {
    return decodeProtectedHeader(token)
  } catch (error) {
    throw new errors.JWTInvalid('the header is none', { cause: error })
  }
}

async function findKey(keyId: string, { trust, refresh }: SignatureOptions): Promise<VerifyingKey> {
  const known = trust.keyOf(keyId)
  if (known !== undefined) return known
  await refresh?.()
  const found = trust.keyOf(keyId)
  if (found !== undefined) return found
  if (trust.version < 0 && refresh !== undefined) {
    throw new QError('unavailable', 'the keys of tokens are not known yet; retry after a moment')
  }
  throw invalid('the key of the token is none of this deployment')
}

function ownClaims(payload: JWTPayload): Claims {
  const level = levelOfName(payload['level'])
  const scopes = payload['scope']
  if (level === undefined || !isStringList(scopes)) throw invalid('the token has no known level or scopes')
  return {
    subject: payload.sub ?? '',
    level,
    scopes,
    tokenId: payload.jti ?? '',
    issuedAt: payload.iat ?? 0,
    expiresAt: payload.exp ?? 0,
  }
}

/** A token as Qhronos makes it: with `access` and `scope`, and often neither issuer nor id. */
async function verifyQhronos(token: string, secretKey: Uint8Array): Promise<Claims> {
  const { payload } = await jwtVerify(token, secretKey, {
    algorithms: [secretAlgorithm],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'iat', 'sub'],
    maxTokenAge: qhronosLifetimeSeconds,
  })
  const { iss, sub = '', jti, iat = 0, exp = 0 } = payload
  const access = payload['access']
  const level = access === 'read_write' ? AccessLevel.WRITE : levelOfName(access)
  const scopes = payload['scope']
  if ((iss !== undefined && iss !== qhronosIssuer) || level === undefined || !isStringList(scopes) || sub === '') {
    throw invalid('the token has no known access or scope')
  }
  return {
    subject: sub,
    level,
    scopes,
    tokenId: jti ?? digestOf(token),
    issuedAt: iat,
    expiresAt: Math.min(exp, iat + qhronosLifetimeSeconds),
    form: 'qhronos',
  }
}

/** What a token without an id is revoked by. */
function digestOf(token: string): string {
  return `sha256-${createHash('sha256').update(token).digest('hex')}`
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

function invalid(message: string): QError {
  return new QError('token_invalid', message, { field: 'authorization' })
}
