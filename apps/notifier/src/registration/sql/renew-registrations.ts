import type { Executor } from '@qcore/database'

export interface Renewal {
  readonly tokens: readonly string[]
  readonly subject: string
  readonly level: number
  readonly tokenId: string
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly tokenEnd: number
}

/** Prolongs the leases of registrations of a subject, and gives them what its token allows. Gives those that were renewed. */
export async function renewRegistrations(
  executor: Executor,
  { tokens, subject, level, scopes, tokenId, tokenEnd }: Renewal,
): Promise<{ token: string; leaseUntilUs: number }[]> {
  const { rows } = await executor.query<{ token: string; leaseUntilUs: number }>({
    name: 'renew_registrations',
    text: `
      with changing as materialized (
        select bucket from registration_bucket
        where bucket in (
          select bucket from registration
          where token = any($1::text[]) and subject = $2 and ended_at is null
            and (level, scopes) is distinct from ($3::smallint, $4::text[])
        )
        order by bucket for update
      ), asked as materialized (
        select token, bucket
        from registration
        where token = any($1::text[]) and subject = $2 and ended_at is null and (select count(*) from changing) >= 0
        order by token for update
      ), bumped as (
        update registration_bucket set version = version + 1
        where bucket in (select bucket from changing)
        returning bucket, version
      )
      update registration set level = $3::smallint, scopes = $4::text[], token_end = to_timestamp($5::double precision), token_id = $6,
        lease_until = least(clock_timestamp() + lease_ms * interval '1 ms', to_timestamp($5::double precision)),
        version = coalesce(bumped.version, registration.version)
      from asked left join bumped on bumped.bucket = asked.bucket
      where registration.token = asked.token
      returning registration.token, (extract(epoch from lease_until) * 1000000)::bigint as "leaseUntilUs"`,
    values: [tokens, subject, level, scopes, tokenEnd, tokenId],
  })
  return rows
}
