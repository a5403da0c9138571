import type { AccessLevel } from '@qcore/contracts'

/** A registration as PostgreSQL has it. Times are microseconds since 1970. */
export interface RegistrationRow {
  readonly token: string
  readonly bucket: number
  readonly version: number
  readonly subject: string
  readonly level: AccessLevel
  readonly scopes: string[]
  readonly service: string
  readonly key: string
  /** A RegisterRequest. */
  readonly request: Buffer
  readonly entityTypes: Record<string, string | null>
  readonly leaseMs: number
  readonly leaseUntilUs: number
  readonly createdUs: number
  readonly logId: string
  /** What counts: its own, or its bucket's. */
  readonly deliveredRevision: number
  readonly isBehind: boolean
  /** Null until it is over. */
  readonly endedUs: number | null
  readonly endCode: string
  readonly endMessage: string
  readonly isAnnounced: boolean
  /** Of its bucket. */
  readonly epoch: number
}

function micros(column: string): string {
  return `(extract(epoch from ${column}) * 1000000)::bigint`
}

/** The columns of a row; of the tables `registration` and `registration_bucket`. */
export const registrationColumns = `
  registration.token, registration.bucket, registration.version, subject, level, scopes, service, key, request,
  entity_types as "entityTypes", lease_ms as "leaseMs", ${micros('lease_until')} as "leaseUntilUs",
  ${micros('created_at')} as "createdUs", registration.log_id as "logId",
  case when is_behind or ended_at is not null or registration.log_id <> registration_bucket.log_id
    then registration.delivered_revision
    else greatest(registration.delivered_revision, registration_bucket.delivered_revision)
  end as "deliveredRevision",
  is_behind as "isBehind", ${micros('ended_at')} as "endedUs", end_code as "endCode", end_message as "endMessage",
  is_announced as "isAnnounced", registration_bucket.epoch`
