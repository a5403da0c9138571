import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  ProblemSchema,
  RenewOutcomeSchema,
  RenewResponseSchema,
  type RenewOutcome,
  type RenewRequest,
  type RenewResponse,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { timestampFromMicros } from '@qcore/model'
import type { NotifierContext } from '../context.ts'
import { unknownRegistration } from '../registration/registration-message.ts'
import { renewalBy } from '../registration/registration.ts'
import { loadRegistrations } from '../registration/sql/load-registrations.ts'
import { renewRegistrations } from '../registration/sql/renew-registrations.ts'

/** Prolongs leases of the caller's registrations. */
export async function renew(
  { tokens }: RenewRequest,
  call: HandlerContext,
  { pool }: NotifierContext,
): Promise<RenewResponse> {
  const claims = callerOf(call)
  const renewed = await readDatabase(renewRegistrations(pool, renewalBy(claims, tokens)))
  const leaseEnds = new Map(renewed.map(({ token, leaseUntilUs }) => [token, leaseUntilUs]))
  const refused = tokens.filter((token) => !leaseEnds.has(token))
  const rows = refused.length === 0 ? [] : await readDatabase(loadRegistrations(pool, refused))
  const problems = new Map<string, RenewOutcome>()
  for (const row of rows) {
    if (row.subject !== claims.subject || row.endedUs === null) continue
    const { endCode: code, endMessage: message } = row
    problems.set(row.token, problemOutcome({ code, message, field: 'tokens' }))
  }
  const outcomes = tokens.map((token) => {
    const leaseUntilUs = leaseEnds.get(token)
    if (leaseUntilUs === undefined) return problems.get(token) ?? problemOutcome(unknownRegistration())
    return create(RenewOutcomeSchema, { outcome: { case: 'leaseEnd', value: timestampFromMicros(leaseUntilUs) } })
  })
  return create(RenewResponseSchema, { outcomes })
}

function problemOutcome({ code, message, field }: { code: string; message: string; field: string }): RenewOutcome {
  const problem = create(ProblemSchema, { code, message, field })
  return create(RenewOutcomeSchema, { outcome: { case: 'problem', value: problem } })
}
