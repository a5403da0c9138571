import type { Pool } from 'pg'
import type { Lease, LeaseClaim } from '../leadership-store.ts'

type Executor = Pick<Pool, 'query'>

/** Grants a lease unless it is held. Returns its token; undefined if it is held. The row stays for its token. */
export async function acquireLease(
  executor: Executor,
  { key, holder, leaseMs, after = 0 }: LeaseClaim,
): Promise<number | undefined> {
  const { rows } = await executor.query<{ token: string }>({
    name: 'leadership_acquire',
    text: `
      insert into leadership_leases as held (key, holder, token, expires_at)
      values ($1, $2, $4::bigint + 1, clock_timestamp() + $3::double precision * interval '1 ms')
      on conflict (key) do update
      set holder = $2,
          token = greatest(held.token, $4::bigint) + 1,
          expires_at = clock_timestamp() + $3::double precision * interval '1 ms'
      where held.expires_at <= clock_timestamp()
      returning token`,
    values: [key, holder, leaseMs, after],
  })
  return rows[0] === undefined ? undefined : Number(rows[0].token)
}

/** Lets a lease last from now. False if it has ended or is another's. */
export async function renewLease(executor: Executor, { key, holder, token }: Lease, leaseMs: number): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'leadership_renew',
    text: `
      update leadership_leases
      set expires_at = clock_timestamp() + $4::double precision * interval '1 ms'
      where key = $1 and holder = $2 and token = $3 and expires_at > clock_timestamp()`,
    values: [key, holder, token, leaseMs],
  })
  return rowCount === 1
}

/** Ends a lease. False if it has ended or is another's. */
export async function releaseLease(executor: Executor, { key, holder, token }: Lease): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'leadership_release',
    text: `
      update leadership_leases set expires_at = '-infinity'
      where key = $1 and holder = $2 and token = $3 and expires_at > clock_timestamp()`,
    values: [key, holder, token],
  })
  return rowCount === 1
}
