import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import { UnregisterResponseSchema, type UnregisterRequest, type UnregisterResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import type { NotifierContext } from '../context.ts'
import { ownRegistration } from '../registration/own-registration.ts'
import { registrationMessage } from '../registration/registration-message.ts'
import { endRegistration } from '../registration/sql/end-registrations.ts'

/** Ends a registration of the caller; at level admin, anybody's. */
export async function unregister(
  { token }: UnregisterRequest,
  call: HandlerContext,
  { pool, shares, config }: NotifierContext,
): Promise<UnregisterResponse> {
  const claims = callerOf(call)
  const row = await ownRegistration(pool, token, claims)
  if (row.endedUs === null) {
    const message = `${claims.subject} ended it`
    await readDatabase(endRegistration(pool, { token, code: 'registration_ended', message }))
    shares.hint()
  }
  const ended = await ownRegistration(pool, token, claims)
  return create(UnregisterResponseSchema, { registration: registrationMessage(ended, config.store) })
}
