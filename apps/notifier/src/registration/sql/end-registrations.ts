import type { Executor } from '@qcore/database'

/** Ends a registration that has not ended. */
export async function endRegistration(
  executor: Executor,
  { token, code, message }: { token: string; code: string; message: string },
): Promise<void> {
  await executor.query({
    name: 'end_registration',
    text: `
      with locked as materialized (
        select bucket from registration_bucket
        where bucket = (select bucket from registration where token = $1 and ended_at is null)
        for update
      ), ending as materialized (
        select token, bucket from registration join locked using (bucket)
        where token = $1 and ended_at is null
        for update of registration
      ), bumped as (
        update registration_bucket set version = version + 1
        where bucket in (select bucket from ending)
        returning version, log_id, delivered_revision
      )
      update registration set ended_at = clock_timestamp(), end_code = $2, end_message = $3, version = bumped.version,
        delivered_revision = case when is_behind or registration.log_id <> bumped.log_id
          then registration.delivered_revision
          else greatest(registration.delivered_revision, bumped.delivered_revision) end
      from ending, bumped
      where registration.token = ending.token`,
    values: [token, code, message],
  })
}

/** Ends the registrations whose leases are over, of buckets. Gives how many those are. */
export async function expireRegistrations(executor: Executor, buckets: readonly number[]): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'expire_registrations',
    text: `
      with locked as materialized (
        select bucket from registration_bucket
        where bucket in (
          select bucket from registration
          where ended_at is null and lease_until < clock_timestamp() and bucket = any($1::smallint[])
        )
        order by bucket for update
      ), ending as materialized (
        select token, bucket, token_end <= lease_until as is_token_over from registration join locked using (bucket)
        where ended_at is null and lease_until < clock_timestamp()
        order by token for update of registration skip locked
      ), bumped as (
        update registration_bucket set version = version + 1
        where bucket in (select bucket from ending)
        returning bucket, version, log_id, delivered_revision
      )
      update registration set ended_at = clock_timestamp(), version = bumped.version,
        end_code = case when is_token_over then 'token_expired' else 'registration_expired' end,
        end_message = case when is_token_over then 'the token that it was made or renewed with has ended'
          else 'it was not renewed' end,
        delivered_revision = case when is_behind or registration.log_id <> bumped.log_id
          then registration.delivered_revision
          else greatest(registration.delivered_revision, bumped.delivered_revision) end
      from ending join bumped on bumped.bucket = ending.bucket
      where registration.token = ending.token`,
    values: [buckets],
  })
  return rowCount ?? 0
}

/** Notes that the last messages were sent, and up to where each was delivered. */
export async function storeAnnounced(
  executor: Executor,
  announced: readonly { readonly token: string; readonly revision: number }[],
): Promise<void> {
  await executor.query({
    name: 'store_announced',
    text: `
      update registration
      set is_announced = true, delivered_revision = greatest(delivered_revision, announced.revision)
      from unnest($1::text[], $2::bigint[]) as announced (token, revision)
      where registration.token = announced.token and ended_at is not null`,
    values: [announced.map(({ token }) => token), announced.map(({ revision }) => revision)],
  })
}

/** Forgets registrations that ended a while ago. */
export async function deleteEnded(executor: Executor, { keptMs }: { keptMs: number }): Promise<void> {
  await executor.query({
    name: 'delete_ended',
    text: `
      delete from registration
      where ended_at is not null and ended_at < clock_timestamp() - $1::double precision * interval '1 ms'`,
    values: [keptMs],
  })
}
