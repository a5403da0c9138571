import type { Executor } from '../pool.ts'

/** A key that tokens are signed with. */
export interface TrustedKeyRow {
  readonly keyId: string
  readonly algorithm: string
  /** A JWK. */
  readonly publicKey: Readonly<Record<string, unknown>>
  /** Seconds since 1970. */
  readonly signsFrom: number
}

/** What ends a token, or all tokens of a subject that were issued until a time. Times are in seconds since 1970. */
export interface TrustRevocation {
  readonly version: number
  readonly tokenId: string | null
  readonly subject: string | null
  readonly issuedUntil: number | null
  /** When what it ends has ended anyway. */
  readonly until: number
}

/** What a service has to know of tokens. */
export interface TrustRow {
  readonly version: number
  /** Whether the database is older than what the caller has, so that everything begins anew. */
  readonly isReset: boolean
  readonly keys: TrustedKeyRow[]
  readonly revocations: TrustRevocation[]
}

/**
 * All keys, and the first revocations after a version, in order; undefined if there is nothing after it. If as many
 * revocations come as were asked for, there may be more after the last one's version.
 */
export async function loadTrust(
  executor: Executor,
  { since, most }: { since: number; most: number },
): Promise<TrustRow | undefined> {
  const { rows } = await executor.query<TrustRow>({
    name: 'load_trust',
    text: `
      select trust.version, trust.version < $1 as "isReset",
        (select coalesce(jsonb_agg(jsonb_build_object('keyId', key_id, 'algorithm', algorithm, 'publicKey', public_key,
          'signsFrom', extract(epoch from signs_from)::double precision) order by signs_from, key_id), '[]') from token_key) as keys,
        (select coalesce(jsonb_agg(revocation order by version), '[]') from (
          select version, token_id as "tokenId", subject, extract(epoch from issued_until)::double precision as "issuedUntil",
            extract(epoch from until)::double precision as until
          from token_revocation
          where token_revocation.version > case when trust.version < $1 then 0 else $1 end and until > now()
          order by token_revocation.version limit $2
        ) as revocation) as revocations
      from token_trust as trust where trust.version <> $1::bigint`,
    values: [since, most],
  })
  return rows[0]
}
