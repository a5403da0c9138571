import type { Executor } from '@qcore/database'

export interface NewRegistration {
  readonly token: string
  readonly bucket: number
  readonly subject: string
  readonly level: number
  readonly tokenId: string
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly tokenEnd: number
  readonly service: string
  readonly key: string
  readonly request: Uint8Array
  readonly entityTypes: Readonly<Record<string, string | null>>
  readonly leaseMs: number
  readonly logId: string
  readonly revision: number
}

/** Stores a registration. False if its subject has one with its key. */
export async function storeRegistration(executor: Executor, registration: NewRegistration): Promise<boolean> {
  const { token, tokenId, bucket, subject, level, scopes, tokenEnd, service, key, request } = registration
  const { entityTypes, leaseMs, logId, revision } = registration
  const { rowCount } = await executor.query({
    name: 'store_registration',
    text: `
      with bumped as (
        update registration_bucket set version = version + 1 where bucket = $2::smallint returning version
      )
      insert into registration (token, bucket, version, subject, level, scopes, token_end, service, key, request,
        entity_types, lease_ms, lease_until, created_at, log_id, delivered_revision, is_behind, token_id)
      select $1, $2::smallint, version, $3, $4::smallint, $5::text[], to_timestamp($6::double precision), $7, $8, $9,
        $10::jsonb, $11::integer,
        least(clock_timestamp() + $11::integer * interval '1 ms', to_timestamp($6::double precision)), clock_timestamp(), $12,
        $13::bigint, true, $14
      from bumped
      on conflict (subject, key) where key <> '' and ended_at is null do nothing`,
    values: [
      token,
      bucket,
      subject,
      level,
      scopes,
      tokenEnd,
      service,
      key,
      Buffer.from(request),
      JSON.stringify(entityTypes),
      leaseMs,
      logId,
      revision,
      tokenId,
    ],
  })
  return rowCount === 1
}
