import type { Executor } from '@qcore/database'

/** Up to where the registrations of a bucket were delivered that are not behind. */
export interface BucketPosition {
  readonly bucket: number
  readonly epoch: number
  readonly revision: number
}

/** Up to where one was delivered. */
export interface OwnPosition {
  readonly token: string
  readonly bucket: number
  readonly epoch: number
  readonly revision: number
  readonly isBehind: boolean
}

/**
 * Stores, at once, how far an owner has come in the buckets that are still its own. Whoever locks
 * registrations and buckets locks the buckets first, both in order.
 */
export async function storePositions(
  executor: Executor,
  {
    owner,
    logId,
    buckets,
    own,
  }: {
    owner: string
    logId: string
    buckets: readonly BucketPosition[]
    own: readonly OwnPosition[]
  },
): Promise<void> {
  await executor.query({
    name: 'store_positions',
    text: `
      with mine as materialized (
        select bucket, epoch from registration_bucket where owner = $1 order by bucket for update
      ), changed as materialized (
        select registration.token, at.revision, at.is_behind
        from unnest($3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::boolean[])
          as at (token, bucket, epoch, revision, is_behind)
        join mine on mine.bucket = at.bucket and mine.epoch = at.epoch
        join registration on registration.token = at.token and ended_at is null
        order by registration.token for update of registration
      ), registrations as (
        update registration
        set delivered_revision = greatest(registration.delivered_revision, changed.revision),
          is_behind = changed.is_behind
        from changed where registration.token = changed.token
      )
      update registration_bucket set delivered_revision = at.revision, log_id = $2
      from unnest($8::smallint[], $9::bigint[], $10::bigint[]) as at (bucket, epoch, revision)
      join mine on mine.bucket = at.bucket and mine.epoch = at.epoch
      where registration_bucket.bucket = at.bucket
        and (registration_bucket.log_id <> $2 or registration_bucket.delivered_revision < at.revision)`,
    values: [
      owner,
      logId,
      own.map(({ token }) => token),
      own.map(({ bucket }) => bucket),
      own.map(({ epoch }) => epoch),
      own.map(({ revision }) => revision),
      own.map(({ isBehind }) => isBehind),
      buckets.map(({ bucket }) => bucket),
      buckets.map(({ epoch }) => epoch),
      buckets.map(({ revision }) => revision),
    ],
  })
}
