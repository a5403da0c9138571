import type { MessageInitShape } from '@bufbuild/protobuf'
import { requireLevel, type Claims } from '@qcore/access'
import { AccessLevel, type RevokeTokenRequest, type RevokeTokenResponseSchema } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { AuthContext } from '../context.ts'
import { storeDeed } from '../sql/audit.ts'
import { endRegistrationsOfSubject, endRegistrationsOfToken } from '../sql/end-registrations.ts'
import { revokeSubject, revokeToken } from '../sql/revoke.ts'
import { advanceTrust } from '../sql/trust-version.ts'
import { transactIn } from '../transact-in.ts'

type Target = { readonly subject: string } | { readonly tokenId: string; readonly expiresAt?: number }

export async function revokeTokenOf(
  request: RevokeTokenRequest,
  caller: Claims,
  context: AuthContext,
): Promise<MessageInitShape<typeof RevokeTokenResponseSchema>> {
  const target = await targetOf(request, context)
  // The token is over already, for everybody.
  if (target === undefined) return { revoked: 0 }
  if (!('tokenId' in target) || target.tokenId !== caller.tokenId) requireLevel(caller, AccessLevel.ADMIN)
  const { reason } = request
  const revoked = await transactIn(context.pool, async (executor) => {
    const revocation = { version: await advanceTrust(executor), by: caller.subject, reason }
    await storeDeed(executor, {
      subject: caller.subject,
      tokenId: caller.tokenId,
      action: 'token.revoke',
      target: 'subject' in target ? `subject:${target.subject}` : target.tokenId,
      detail: { reason },
    })
    if ('subject' in target) await endRegistrationsOfSubject(executor, target.subject)
    else await endRegistrationsOfToken(executor, target.tokenId)
    return 'subject' in target
      ? revokeSubject(executor, target.subject, revocation)
      : revokeToken(executor, { tokenId: target.tokenId, expiresAt: target.expiresAt }, revocation)
  })
  // It also tells the others.
  await context.access.refresh()
  context.logger.info({ ...target, by: caller.subject, reason }, 'revoked')
  return { revoked }
}

async function targetOf({ target }: RevokeTokenRequest, { verifier }: AuthContext): Promise<Target | undefined> {
  switch (target.case) {
    case 'tokenId':
      return { tokenId: target.value }
    case 'subject':
      return { subject: target.value }
    case 'token':
      break
    default:
      throw new QError('invalid_request', 'name what to revoke', { field: 'target' })
  }
  try {
    const { tokenId, expiresAt } = await verifier.verify(target.value)
    return { tokenId, expiresAt }
  } catch (error) {
    if (!isQError(error)) throw error
    if (error.code === 'token_expired' || error.code === 'token_revoked') return undefined
    throw new QError(error.code, error.message, { field: 'token', cause: error })
  }
}
