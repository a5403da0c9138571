import type { Claims } from '@qcore/access'
import type { TokenForm } from '@qcore/contracts'
import type { Executor } from '@qcore/database'

/** A token that was minted. Times are in seconds since 1970. */
export interface TokenRow {
  readonly tokenId: string
  readonly subject: string
  readonly level: Claims['level']
  readonly scopes: string[]
  readonly form: TokenForm
  readonly keyId: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly revokedAt: number | null
  readonly revokedBy: string
  readonly reason: string
  /** In the order in which they were minted. */
  readonly sequence: number
}

/** Notes a token that was minted. */
export async function storeToken(
  executor: Executor,
  { tokenId, subject, level, scopes, issuedAt, expiresAt }: Claims,
  { form, keyId }: { form: TokenForm; keyId: string },
): Promise<void> {
  await executor.query({
    name: 'store_token',
    text: `
      insert into token (token_id, subject, level, scopes, form, key_id, issued_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, to_timestamp($7::double precision), to_timestamp($8::double precision))`,
    values: [tokenId, subject, level, scopes, form, keyId, issuedAt, expiresAt],
  })
}

/** Tokens before a place in the order, the newest first. */
export async function listTokens(
  executor: Executor,
  { subject, withEnded, before, most }: { subject: string; withEnded: boolean; before: number; most: number },
): Promise<TokenRow[]> {
  const { rows } = await executor.query<TokenRow>({
    name: 'list_tokens',
    text: `
      select token_id as "tokenId", subject, level, scopes, form, key_id as "keyId", sequence, reason,
        extract(epoch from issued_at)::double precision as "issuedAt", extract(epoch from expires_at)::double precision as "expiresAt",
        extract(epoch from revoked_at)::double precision as "revokedAt", revoked_by as "revokedBy"
      from token
      where sequence < $1 and ($2 = '' or subject = $2) and ($3 or (revoked_at is null and expires_at > now()))
      order by sequence desc limit $4`,
    values: [before, subject, withEnded, most],
  })
  return rows
}

/** Forgets tokens, a while after their end. */
export async function deleteEndedTokens(executor: Executor, keptDays: number): Promise<void> {
  await executor.query(`delete from token where expires_at < now() - $1::integer * interval '1 day'`, [keptDays])
}
