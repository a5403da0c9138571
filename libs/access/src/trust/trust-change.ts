import { QError } from '@qcore/errors'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

/** Keeps statements apart from tokens, which may be signed with the same secret. */
const statementType = 'trust+jwt'
const algorithm = 'HS256'
/** A statement that is older, in seconds, may be somebody's copy. */
const mostAgeSeconds = 60

const keySchema = z.object({
  keyId: z.string(),
  algorithm: z.enum(['EdDSA', 'ES256']),
  publicKey: z.record(z.string(), z.unknown()),
  signsFrom: z.number(),
})

const revocationSchema = z.object({
  version: z.number(),
  tokenId: z.string().nullable(),
  subject: z.string().nullable(),
  issuedUntil: z.number().nullable(),
  until: z.number(),
})

const changeSchema = z.object({
  since: z.number(),
  version: z.number(),
  isReset: z.boolean(),
  keys: z.array(keySchema),
  revocations: z.array(revocationSchema),
})

/** All keys, and what was revoked after one version and up to another. */
export type TrustChange = z.infer<typeof changeSchema>
export type TrustedKey = z.infer<typeof keySchema>
export type Revocation = z.infer<typeof revocationSchema>

/** Checks what a database says of keys and revocations. */
export function parseTrustChange(change: unknown): TrustChange {
  return changeSchema.parse(change)
}

/** A change as services tell it to each other, signed with the secret that they share. */
export function signTrustChange(secret: string, store: string, change: TrustChange): Promise<string> {
  return new SignJWT({ change })
    .setProtectedHeader({ alg: algorithm, typ: statementType })
    .setAudience(store)
    .setIssuedAt()
    .sign(new TextEncoder().encode(secret))
}

/**
 * Reads what `signTrustChange` wrote.
 *
 * @throws QError `token_invalid` if it was not signed with the secret, for this store, a moment ago
 */
export async function readTrustChange(secret: string, store: string, statement: string): Promise<TrustChange> {
  try {
    const { payload } = await jwtVerify(statement, new TextEncoder().encode(secret), {
      algorithms: [algorithm],
      typ: statementType,
      audience: store,
      maxTokenAge: mostAgeSeconds,
      clockTolerance: mostAgeSeconds,
    })
    return changeSchema.parse(payload['change'])
  } catch (error) {
    if (!(error instanceof errors.JOSEError || error instanceof z.ZodError)) throw error
    throw new QError('token_invalid', 'the statement is not one of this deployment', { cause: error })
  }
}
