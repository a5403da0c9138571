import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, requireLevel } from '@qcore/access'
import {
  AccessLevel,
  ListRegistrationsResponseSchema,
  type ListRegistrationsRequest,
  type ListRegistrationsResponse,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import type { NotifierContext } from '../context.ts'
import { registrationMessage } from '../registration/registration-message.ts'
import { listRegistrations as loadPage } from '../registration/sql/load-registrations.ts'

const defaultLimit = 100

/** A page of the caller's registrations, or of everybody's. */
export async function listRegistrations(
  { service, allOwners, includeEnded, cursor, limit }: ListRegistrationsRequest,
  call: HandlerContext,
  { pool, config }: NotifierContext,
): Promise<ListRegistrationsResponse> {
  const claims = callerOf(call)
  if (allOwners) requireLevel(claims, AccessLevel.ADMIN)
  const most = limit === 0 ? defaultLimit : limit
  const page = {
    subject: allOwners ? undefined : claims.subject,
    service: service === '' ? undefined : service,
    includeEnded,
    after: cursor,
    limit: most,
  }
  const rows = await readDatabase(loadPage(pool, page))
  const registrations = rows.map((row) => registrationMessage(row, config.store))
  const nextCursor = rows.length < most ? '' : (rows.at(-1)?.token ?? '')
  return create(ListRegistrationsResponseSchema, { registrations, nextCursor })
}
