import type { MessageInitShape } from '@bufbuild/protobuf'
import { assertScopes, mintToken } from '@qcore/access'
import type { MintTokenRequest, MintTokenResponseSchema } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'
import { claimsMessage } from '../claims-message.ts'

/** Of a request that names no lifetime. */
const standardLifetimeSeconds = 3_600

export async function mintTokenFor(
  request: MintTokenRequest,
  { config, logger }: AuthContext,
): Promise<MessageInitShape<typeof MintTokenResponseSchema>> {
  assertScopes(request.scopes)
  const { token, claims } = await mintToken(config.authSecret, {
    subject: request.subject,
    level: request.level,
    scopes: request.scopes,
    lifetimeSeconds: request.lifetimeSeconds === 0 ? standardLifetimeSeconds : request.lifetimeSeconds,
  })
  logger.info({ subject: claims.subject, tokenId: claims.tokenId, expiresAt: claims.expiresAt }, 'minted a token')
  return { token, claims: claimsMessage(claims) }
}
