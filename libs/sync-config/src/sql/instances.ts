import { formatDigest } from '../digest.ts'
import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'

/** What an instance says of itself. */
export interface InstanceReport {
  readonly instanceId: string
  readonly revision: number
  readonly digest: bigint
  readonly entries: number
  readonly heartbeatMs: number
}

/** Stores a report, and drops those of instances that missed three heartbeats. */
export async function reportInstance(executor: Executor, names: StoreNames, report: InstanceReport): Promise<void> {
  await queryText(executor, {
    text: `
      with gone as (
        delete from ${names.of('instance')} where (instance_id) in (
          select instance_id from ${names.of('instance')}
          where instance_id <> $1 and reported_at < clock_timestamp() - 3 * heartbeat_ms * interval '1 ms'
          for update skip locked)
      )
      insert into ${names.of('instance')} (
        instance_id, revision, lag, digest, entries, heartbeat_ms, started_at, reported_at)
      select $1, $2::bigint, greatest(head.revision - $2::bigint, 0), $3::bigint, $4::bigint, $5::bigint, now(), now()
      from ${names.of('head')} as head
      on conflict (instance_id) do update
      set revision = excluded.revision, lag = excluded.lag, digest = excluded.digest, entries = excluded.entries,
        heartbeat_ms = excluded.heartbeat_ms, reported_at = excluded.reported_at`,
    values: [report.instanceId, report.revision, report.digest, report.entries, report.heartbeatMs],
  })
}

/** Takes the report of an instance that ends back. */
export async function removeInstance(executor: Executor, names: StoreNames, instanceId: string): Promise<void> {
  await queryText(executor, {
    text: `delete from ${names.of('instance')} where instance_id = $1`,
    values: [instanceId],
  })
}

/** An instance, as it last reported, compared with the table as it is. */
export interface InstanceState extends Omit<InstanceReport, 'heartbeatMs' | 'digest'> {
  /** As `getDigest` gives it. */
  readonly digest: string
  /** Revisions that it had not applied when it reported. */
  readonly lag: number
  readonly startedAt: Date
  readonly reportedAt: Date
  /** Whether it reported the present revision and the digest of the present rows. */
  readonly inSync: boolean
}

type InstanceRow = readonly [
  instanceId: string,
  revision: string,
  lag: string,
  digest: string,
  entries: string,
  startedAtMs: string,
  reportedAtMs: string,
  inSync: 't' | 'f',
]

export async function loadInstances(executor: Executor, names: StoreNames): Promise<InstanceState[]> {
  const rows = await queryText<InstanceRow>(executor, {
    text: `
      select i.instance_id, i.revision, i.lag, i.digest, i.entries, extract(epoch from i.started_at) * 1000,
        extract(epoch from i.reported_at) * 1000, i.revision = head.revision and i.digest = present.digest
      from ${names.of('instance')} as i, ${names.of('head')} as head,
        (select coalesce(bit_xor(digest), 0) as digest from ${names.table}) as present
      order by i.instance_id`,
  })
  return rows.map(([instanceId, revision, lag, digest, entries, startedAtMs, reportedAtMs, inSync]) => ({
    instanceId,
    revision: Number(revision),
    lag: Number(lag),
    digest: formatDigest(BigInt(digest)),
    entries: Number(entries),
    startedAt: new Date(Number(startedAtMs)),
    reportedAt: new Date(Number(reportedAtMs)),
    inSync: inSync === 't',
  }))
}
