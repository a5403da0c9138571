import type { MessageInitShape } from '@bufbuild/protobuf'
import { signTrustChange, trustFromDatabase } from '@qcore/access'
import type { GetTrustRequest, GetTrustResponseSchema } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'

export async function getTrustSince(
  { sinceVersion }: GetTrustRequest,
  { pool, config: { authSecret, store } }: AuthContext,
): Promise<MessageInitShape<typeof GetTrustResponseSchema>> {
  const change = await trustFromDatabase(pool)(Number(sinceVersion))
  return { statement: change === undefined ? '' : await signTrustChange(authSecret, store, change) }
}
