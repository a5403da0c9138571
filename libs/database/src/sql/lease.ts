import type { Executor } from '../pool.ts'

/**
 * Takes the writer's lease if nobody holds it, for `leaseMs` from now on PostgreSQL's clock. Returns the new epoch
 * and PostgreSQL's time in microseconds; undefined if somebody holds it.
 *
 * @param orOwn takes it also from the same holder, who asked before and did not get the answer
 */
export async function takeLease(
  executor: Executor,
  { holder, leaseMs, orOwn }: { holder: string; leaseMs: number; orOwn: boolean },
): Promise<{ epoch: number; nowUs: number } | undefined> {
  const { rows } = await executor.query<{ epoch: number; nowUs: number }>({
    name: 'take_lease',
    text: `
      update head
      set epoch = epoch + 1, holder = $1, lease_until = clock_timestamp() + $2::double precision * interval '1 ms'
      where lease_until < clock_timestamp() or ($3 and holder = $1)
      returning epoch, (extract(epoch from clock_timestamp()) * 1000000)::bigint as "nowUs"`,
    values: [holder, leaseMs, orOwn],
  })
  return rows[0]
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

/** Gives the lease of an epoch up, so that another writer can take it at once. */
export async function releaseLease(executor: Executor, epoch: number): Promise<void> {
  await executor.query({
    name: 'release_lease',
    text: `update head set lease_until = '-infinity', holder = '' where epoch = $1`,
    values: [epoch],
  })
}

/**
 * Ends an epoch: what was sent in it and did not commit before this returns never will. Waits for a transaction of the
 * epoch that still runs. No effect if the epoch has ended already.
 */
export async function endEpoch(executor: Executor, epoch: number): Promise<void> {
  await executor.query({
    name: 'end_epoch',
    text: `update head set epoch = epoch + 1, lease_until = '-infinity', holder = '' where epoch = $1`,
    values: [epoch],
  })
}
