import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  GetRegistrationResponseSchema,
  type GetRegistrationRequest,
  type GetRegistrationResponse,
} from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { ownRegistration } from '../registration/own-registration.ts'
import { registrationMessage } from '../registration/registration-message.ts'
import { requestOf } from '../registration/registration.ts'

/** Tells of a registration of the caller; at level admin, of anybody's. */
export async function getRegistration(
  { token }: GetRegistrationRequest,
  call: HandlerContext,
  { pool, config }: NotifierContext,
): Promise<GetRegistrationResponse> {
  const row = await ownRegistration(pool, token, callerOf(call))
  const { subscriptions } = requestOf(row)
  return create(GetRegistrationResponseSchema, { registration: registrationMessage(row, config.store), subscriptions })
}
