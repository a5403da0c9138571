import type { Executor } from '@qcore/database'

/** Ends the leases of registrations that a token made or renewed; the notifiers end them, and tell, at once. */
export async function endRegistrationsOfToken(executor: Executor, tokenId: string): Promise<void> {
  await executor.query(
    `update registration set token_end = clock_timestamp(), lease_until = clock_timestamp()
      where token_id = $1 and ended_at is null`,
    [tokenId],
  )
}

/** The same of all tokens of a subject. */
export async function endRegistrationsOfSubject(executor: Executor, subject: string): Promise<void> {
  await executor.query(
    `update registration set token_end = clock_timestamp(), lease_until = clock_timestamp()
      where subject = $1 and ended_at is null`,
    [subject],
  )
}

/** The same of all tokens that were revoked: one may have been renewed where the revocation was not known yet. */
export async function endRegistrationsOfRevoked(executor: Executor): Promise<void> {
  await executor.query(
    `update registration set token_end = clock_timestamp(), lease_until = clock_timestamp()
      where ended_at is null and lease_until > clock_timestamp()
        and token_id in (select token_id from token_revocation where token_id <> '')`,
  )
}
