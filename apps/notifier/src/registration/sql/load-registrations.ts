import type { Executor } from '@qcore/database'
import { registrationColumns, type RegistrationRow } from './registration-row.ts'

/** The registrations of buckets that were changed after a version of the bucket. */
export async function loadRegistrationsSince(
  executor: Executor,
  buckets: readonly { readonly bucket: number; readonly version: number }[],
): Promise<RegistrationRow[]> {
  const { rows } = await executor.query<RegistrationRow>({
    name: 'load_registrations_since',
    text: `
      select ${registrationColumns}
      from unnest($1::smallint[], $2::bigint[]) as since (bucket, version)
      join registration on registration.bucket = since.bucket and registration.version > since.version
      join registration_bucket on registration_bucket.bucket = registration.bucket
      where ended_at is null or not is_announced`,
    values: [buckets.map(({ bucket }) => bucket), buckets.map(({ version }) => version)],
  })
  return rows
}

export async function loadRegistrations(executor: Executor, tokens: readonly string[]): Promise<RegistrationRow[]> {
  const { rows } = await executor.query<RegistrationRow>({
    name: 'load_registrations',
    text: `
      select ${registrationColumns} from registration join registration_bucket using (bucket)
      where token = any($1::text[])`,
    values: [tokens],
  })
  return rows
}

/** The registration of a subject that has a key and has not ended. */
export async function findRegistration(
  executor: Executor,
  { subject, key }: { subject: string; key: string },
): Promise<RegistrationRow | undefined> {
  const { rows } = await executor.query<RegistrationRow>({
    name: 'find_registration',
    text: `
      select ${registrationColumns} from registration join registration_bucket using (bucket)
      where subject = $1 and key = $2 and key <> '' and ended_at is null`,
    values: [subject, key],
  })
  return rows[0]
}

/** A page of registrations, by token. */
export async function listRegistrations(
  executor: Executor,
  {
    subject,
    service,
    includeEnded,
    after,
    limit,
  }: {
    /** Undefined: everybody's. */
    subject: string | undefined
    /** Undefined: of any. */
    service: string | undefined
    includeEnded: boolean
    after: string
    limit: number
  },
): Promise<RegistrationRow[]> {
  const { rows } = await executor.query<RegistrationRow>({
    name: 'list_registrations',
    text: `
      select ${registrationColumns} from registration join registration_bucket using (bucket)
      where ($1::text is null or subject = $1) and ($2::text is null or service = $2)
        and ($3 or ended_at is null) and token > $4
      order by token
      limit $5`,
    values: [subject, service, includeEnded, after, limit],
  })
  return rows
}

export async function countRegistrations(executor: Executor, subject: string): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'count_registrations',
    text: `select count(*) as count from registration where subject = $1 and ended_at is null`,
    values: [subject],
  })
  return rows[0]?.count ?? 0
}
