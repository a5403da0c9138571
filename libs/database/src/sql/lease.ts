import type { Executor } from '../pool.ts'

/** The answer to a request for the lease. */
export interface LeaseAnswer {
  /** Undefined if somebody holds it. */
  readonly taken: { readonly epoch: number; readonly nowUs: number } | undefined
  /** For how long, in milliseconds, it was held by somebody else; 0 if it was free. */
  readonly leftMs: number
}

/**
 * Takes the writer's lease if nobody holds it, for `leaseMs` from now on PostgreSQL's clock. Gives the new epoch and
 * PostgreSQL's time in microseconds.
 *
 * @param orOwn takes it also from the same holder, who may have it without knowing
 */
export async function takeLease(
  executor: Executor,
  { holder, leaseMs, orOwn }: { holder: string; leaseMs: number; orOwn: boolean },
): Promise<LeaseAnswer> {
  const { rows } = await executor.query<{ epoch: number | null; nowUs: number; leftMs: number }>({
    name: 'take_lease',
    text: `
      with taken as (
        update head
        set epoch = epoch + 1, holder = $1, lease_until = clock_timestamp() + $2::double precision * interval '1 ms'
        where lease_until < clock_timestamp() or ($3 and holder = $1)
        returning epoch, (extract(epoch from clock_timestamp()) * 1000000)::bigint as "nowUs"
      )
      select taken.epoch, taken."nowUs",
        (extract(epoch from greatest(head.lease_until, clock_timestamp()) - clock_timestamp()) * 1000)::double precision as "leftMs"
      from head left join taken on true`,
    values: [holder, leaseMs, orOwn],
  })
  const [row] = rows
  if (row === undefined) throw new Error('the head row is missing')
  const { epoch, nowUs, leftMs } = row
  return { taken: epoch === null ? undefined : { epoch, nowUs }, leftMs }
}

/** Renews the lease of an epoch. Returns PostgreSQL's time in microseconds; undefined if the epoch has passed. */
export async function renewLease(
  executor: Executor,
  { epoch, leaseMs }: { epoch: number; leaseMs: number },
): Promise<number | undefined> {
  const { rows } = await executor.query<{ nowUs: number }>({
    name: 'renew_lease',
    text: `
      update head set lease_until = clock_timestamp() + $2::double precision * interval '1 ms'
      where epoch = $1
      returning (extract(epoch from clock_timestamp()) * 1000000)::bigint as "nowUs"`,
    values: [epoch, leaseMs],
  })
  return rows[0]?.nowUs
}

/**
 * Ends an epoch and gives its lease up: what was sent in it, renewals included, and did not commit before this returns
 * never will. Waits for a transaction of the epoch that still runs. No effect if the epoch has ended already.
 */
export async function endEpoch(executor: Executor, epoch: number): Promise<void> {
  await executor.query({
    name: 'end_epoch',
    text: `update head set epoch = epoch + 1, lease_until = '-infinity', holder = '' where epoch = $1`,
    values: [epoch],
  })
}
