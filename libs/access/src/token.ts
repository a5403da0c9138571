import { randomUUID } from 'node:crypto'
import { SignJWT, type CryptoKey } from 'jose'
import { nameOfLevel, type Claims } from './claims.ts'
import { audience, ownIssuer, ownType, qhronosIssuer, qhronosType, secretAlgorithm } from './verify/token-kinds.ts'

/** Below this a secret for HS256 can be guessed (RFC 7518, 3.2). */
export const leastSecretBytes = 32

export interface TokenRequest {
  subject: string
  level: Claims['level']
  scopes: readonly string[]
  lifetimeSeconds: number
  form?: Claims['form']
  /** For a token that stands for another one, and is revoked with it; a new one if it is absent. */
  tokenId?: string
  /** Seconds since 1970; now if it is absent. */
  issuedAt?: number
}

/** What tokens are signed with: the secret of the services, or a key. */
export type Signer = string | { algorithm: string; keyId: string; key: CryptoKey | Uint8Array }

/** Makes a token. */
export async function mintToken(signer: Signer, request: TokenRequest): Promise<{ token: string; claims: Claims }> {
  const issuedAt = request.issuedAt ?? Math.floor(Date.now() / 1_000)
  const claims: Claims = {
    subject: request.subject,
    level: request.level,
    scopes: request.scopes,
    tokenId: request.tokenId ?? randomUUID(),
    issuedAt,
    expiresAt: Math.floor(Date.now() / 1_000) + request.lifetimeSeconds,
    ...(request.form === undefined ? {} : { form: request.form }),
  }
  return { token: await sign(signer, claims), claims }
}

function sign(signer: Signer, { subject, level, scopes, tokenId, issuedAt, expiresAt, form }: Claims): Promise<string> {
  const name = nameOfLevel(level)
  const isOwn = form === undefined
  const jwt = new SignJWT(isOwn ? { level: name, scope: scopes } : { access: name, scope: scopes })
    .setProtectedHeader({
      alg: typeof signer === 'string' ? secretAlgorithm : signer.algorithm,
      typ: isOwn ? ownType : qhronosType,
      ...(typeof signer === 'string' ? {} : { kid: signer.keyId }),
    })
    .setIssuer(isOwn ? ownIssuer : qhronosIssuer)
    .setSubject(subject)
    .setJti(tokenId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
  if (isOwn) jwt.setAudience(audience)
  return jwt.sign(typeof signer === 'string' ? new TextEncoder().encode(signer) : signer.key)
}
