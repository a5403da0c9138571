import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Claims } from '@qcore/access'
import type { TokenClaimsSchema } from '@qcore/contracts'

export function claimsMessage(claims: Claims): MessageInitShape<typeof TokenClaimsSchema> {
  return {
    subject: claims.subject,
    level: claims.level,
    scopes: [...claims.scopes],
    tokenId: claims.tokenId,
    issuedAt: { seconds: BigInt(claims.issuedAt) },
    expiresAt: { seconds: BigInt(claims.expiresAt) },
  }
}
