import type { Claims } from '@qcore/access'
import { AccessLevel } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { unknownRegistration } from './registration-message.ts'
import { loadRegistrations } from './sql/load-registrations.ts'
import type { RegistrationRow } from './sql/registration-row.ts'

/**
 * A registration of the caller; at level admin, anybody's.
 *
 * @throws QError `unknown_registration`
 */
export async function ownRegistration(executor: Executor, token: string, claims: Claims): Promise<RegistrationRow> {
  const [row] = await readDatabase(loadRegistrations(executor, [token]))
  if (row === undefined) throw unknownRegistration()
  if (row.subject !== claims.subject && claims.level < AccessLevel.ADMIN) throw unknownRegistration()
  return row
}
