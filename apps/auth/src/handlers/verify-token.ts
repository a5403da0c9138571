import type { MessageInitShape } from '@bufbuild/protobuf'
import { isQError, QError } from '@qcore/errors'
import type { VerifyTokenRequest, VerifyTokenResponseSchema } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'
import { claimsMessage } from '../claims-message.ts'

export async function verifyTokenOf(
  { token }: VerifyTokenRequest,
  { verifier }: AuthContext,
): Promise<MessageInitShape<typeof VerifyTokenResponseSchema>> {
  try {
    return { claims: claimsMessage(await verifier.verify(token)) }
  } catch (error) {
    // It is the token of the request that is wrong, not the caller's.
    if (isQError(error)) throw new QError(error.code, error.message, { field: 'token', cause: error })
    throw error
  }
}
