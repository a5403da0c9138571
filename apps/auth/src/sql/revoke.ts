import type { Executor } from '@qcore/database'

/** How long it is kept that a token or a subject was revoked, where nothing says when it ends: longer than tokens last. */
const keptDays = 400

export interface Revocation {
  readonly version: number
  /** Who revokes. */
  readonly by: string
  readonly reason: string
}

/**
 * Revokes a token, and tells how many that were minted here it ends.
 *
 * @param expiresAt when it ends by itself, in seconds since 1970, if that is known
 */
export async function revokeToken(
  executor: Executor,
  { tokenId, expiresAt }: { tokenId: string; expiresAt: number | undefined },
  { version, by, reason }: Revocation,
): Promise<number> {
  const { rows } = await executor.query<{ revoked: number }>({
    name: 'revoke_token',
    text: `
      with ended as (
        update token set revoked_at = now(), revoked_by = $4, reason = $5
        where token_id = $2 and revoked_at is null and expires_at > now()
      returning expires_at
      ), stored as (
        insert into token_revocation (version, token_id, until) values ($1, $2,
          coalesce(to_timestamp($3::double precision), (select expires_at from token where token_id = $2),
            now() + $6::integer * interval '1 day') + interval '1 minute')
      )
      select count(*) as revoked from ended`,
    values: [version, tokenId, expiresAt ?? null, by, reason, keptDays],
  })
  return rows[0]?.revoked ?? 0
}

/** Revokes all tokens of a subject that were issued until now, and tells how many that were minted here it ends. */
export async function revokeSubject(
  executor: Executor,
  subject: string,
  { version, by, reason }: Revocation,
): Promise<number> {
  const { rows } = await executor.query<{ revoked: number }>({
    name: 'revoke_subject',
    text: `
      with ended as (
        update token set revoked_at = now(), revoked_by = $3, reason = $4
        where subject = $2 and revoked_at is null and expires_at > now()
      returning expires_at
      ), stored as (
        insert into token_revocation (version, subject, issued_until, until)
        values ($1, $2, clock_timestamp(), now() + $5::integer * interval '1 day')
      )
      select count(*) as revoked from ended`,
    values: [version, subject, by, reason, keptDays],
  })
  return rows[0]?.revoked ?? 0
}

/** Forgets revocations of what has ended anyway. */
export async function deleteEndedRevocations(executor: Executor): Promise<void> {
  await executor.query('delete from token_revocation where until < now()')
}
