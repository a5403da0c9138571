import type { Executor } from '@qcore/database'

/** A share of the registrations. */
export interface BucketRow {
  readonly bucket: number
  /** Empty: nobody. */
  readonly owner: string
  readonly epoch: number
  readonly version: number
  readonly logId: string
  readonly deliveredRevision: number
}

const columns = `bucket, owner, epoch, version, log_id as "logId", delivered_revision as "deliveredRevision"`

export async function readBuckets(executor: Executor): Promise<BucketRow[]> {
  const { rows } = await executor.query<BucketRow>({
    name: 'read_buckets',
    text: `select ${columns} from registration_bucket order by bucket`,
  })
  return rows
}

/** Takes those of the buckets that nobody owns who is there. Gives them. */
export async function claimBuckets(
  executor: Executor,
  { owner, buckets }: { owner: string; buckets: readonly number[] },
): Promise<BucketRow[]> {
  const { rows } = await executor.query<BucketRow>({
    name: 'claim_buckets',
    text: `
      update registration_bucket set owner = $1, epoch = epoch + 1
      where bucket in (
        select bucket from registration_bucket
        where bucket = any($2::smallint[]) and not exists (
          select from notifier
          where id = registration_bucket.owner and id <> $1 and lease_until > clock_timestamp()
        )
        order by bucket for update skip locked
      )
      returning ${columns}`,
    values: [owner, buckets],
  })
  return rows
}

/** Gives buckets back that an owner has. */
export async function releaseBuckets(
  executor: Executor,
  { owner, buckets }: { owner: string; buckets: readonly number[] },
): Promise<void> {
  await executor.query({
    name: 'release_buckets',
    text: `
      update registration_bucket set owner = ''
      where bucket in (
        select bucket from registration_bucket where bucket = any($2::smallint[]) and owner = $1
        order by bucket for update
      )`,
    values: [owner, buckets],
  })
}
