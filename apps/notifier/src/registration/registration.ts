import { fromBinary } from '@bufbuild/protobuf'
import { grantsOf, type Claims } from '@qcore/access'
import { RegisterRequestSchema, type RegisterRequest } from '@qcore/contracts'
import type { Grants } from '@qcore/model'
import type { Renewal } from './sql/renew-registrations.ts'
import type { RegistrationRow } from './sql/registration-row.ts'

/** What the times of a request are when it leaves them out, in milliseconds. */
const defaultLeaseMs = 60_000
const defaultAckTimeoutMs = 5_000
/** How many messages of a shared registration may wait for replies. */
const defaultMaxUnacknowledged = 64

/** How many times a shared message is given to somebody, unless the registration says otherwise. */
const defaultMaxAttempts = 100

/** The same of a stored request: it was not there from the beginning. */
export function maxAttemptsOf({ maxAttempts }: RegisterRequest): number {
  return maxAttempts === 0 ? defaultMaxAttempts : maxAttempts
}

/** A request with its defaults. */
export function completeRequest(request: RegisterRequest): RegisterRequest {
  const complete = { ...request }
  complete.leaseMs ||= defaultLeaseMs
  complete.ackTimeoutMs ||= defaultAckTimeoutMs
  complete.maxUnacknowledged ||= defaultMaxUnacknowledged
  return complete
}

export function requestOf(row: Pick<RegistrationRow, 'request'>): RegisterRequest {
  return fromBinary(RegisterRequestSchema, row.request)
}

/** What the owner of a registration may see. */
export function grantsOfRow({ subject, level, scopes }: RegistrationRow): Grants {
  return grantsOf({ subject, level, scopes, tokenId: '', issuedAt: 0, expiresAt: 0 })
}

/** Whether who holds `grants` may see all that a registration may. */
export function covers(grants: Grants, row: RegistrationRow): boolean {
  if (grants.hasAll) return true
  const asked = grantsOfRow(row)
  return !asked.hasAll && asked.names.isSubsetOf(grants.names)
}

/** Whether two rows allow the same. */
export function hasSameGrants(a: RegistrationRow, b: RegistrationRow): boolean {
  return (
    a.level === b.level && a.scopes.length === b.scopes.length && a.scopes.every((scope, i) => scope === b.scopes[i])
  )
}

/** How long after its end a token is still taken, for clocks differ. */
const tokenGraceSeconds = 30

/** When what a token made ends at the latest, in seconds since 1970. */
export function tokenEnd({ expiresAt }: Claims): number {
  return expiresAt + tokenGraceSeconds
}

/** What a caller may renew. */
export function renewalBy(claims: Claims, tokens: readonly string[]): Renewal {
  const { subject, level, scopes, tokenId } = claims
  return { tokens, subject, level, scopes, tokenId, tokenEnd: tokenEnd(claims) }
}
