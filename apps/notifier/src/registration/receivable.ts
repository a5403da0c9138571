import { grantsOf, type Claims } from '@qcore/access'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { endedError, unknownRegistration } from './registration-message.ts'
import { covers } from './registration.ts'
import { loadRegistrations } from './sql/load-registrations.ts'
import type { RegistrationRow } from './sql/registration-row.ts'

/**
 * A registration whose messages a caller may have.
 *
 * @throws QError `unknown_registration`, `permission_denied`, `registration_ended`
 */
export async function receivable(executor: Executor, token: string, claims: Claims): Promise<RegistrationRow> {
  const [row] = await readDatabase(loadRegistrations(executor, [token]))
  if (row === undefined) throw unknownRegistration()
  if (!covers(grantsOf(claims), row)) {
    throw new QError('permission_denied', 'the registration may see more than the token allows', { field: 'scope' })
  }
  if (row.endedUs !== null) throw endedError(row)
  return row
}
