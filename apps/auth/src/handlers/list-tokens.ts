import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ListTokensRequest, ListTokensResponseSchema, TokenRecordSchema } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { claimsMessage } from '../claims-message.ts'
import type { AuthContext } from '../context.ts'
import { listTokens, type TokenRow } from '../sql/tokens.ts'
import { nextPage, pageSize, placeOf } from './page.ts'

export async function listTokensOf(
  request: ListTokensRequest,
  { pool }: AuthContext,
): Promise<MessageInitShape<typeof ListTokensResponseSchema>> {
  const { subject, includeEnded: withEnded } = request
  const most = pageSize(request)
  const rows = await readDatabase(listTokens(pool, { subject, withEnded, before: placeOf(request), most }))
  return { tokens: rows.map(recordOf), nextPageToken: nextPage(rows, most, ({ sequence }) => sequence) }
}

function recordOf(row: TokenRow): MessageInitShape<typeof TokenRecordSchema> {
  const { form, keyId, revokedAt, revokedBy, reason, sequence: _, ...claims } = row
  return {
    claims: claimsMessage(claims),
    form,
    keyId,
    revokedBy,
    reason,
    ...(revokedAt === null ? {} : { revokedAt: { seconds: BigInt(Math.floor(revokedAt)) } }),
  }
}
