import type { Executor } from '@qcore/database'

/** Says that a notifier is there, for a time from now on PostgreSQL's clock. */
export async function renewPresence(
  executor: Executor,
  { id, leaseMs }: { id: string; leaseMs: number },
): Promise<void> {
  await executor.query({
    name: 'renew_presence',
    text: `
      insert into notifier (id, lease_until)
      values ($1, clock_timestamp() + $2::double precision * interval '1 ms')
      on conflict (id) do update set lease_until = excluded.lease_until`,
    values: [id, leaseMs],
  })
}

/** Says that a notifier is gone: others may take its buckets at once. */
export async function endPresence(executor: Executor, id: string): Promise<void> {
  await executor.query({ name: 'end_presence', text: `delete from notifier where id = $1`, values: [id] })
}

/** The notifiers that are there. */
export async function readPresent(executor: Executor): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'read_present',
    text: `select id from notifier where lease_until > clock_timestamp()`,
  })
  return rows.map(({ id }) => id)
}

/** Forgets notifiers that have been gone for a while. */
export async function deleteAbsent(executor: Executor, { goneMs }: { goneMs: number }): Promise<void> {
  await executor.query({
    name: 'delete_absent',
    text: `delete from notifier where lease_until < clock_timestamp() - $1::double precision * interval '1 ms'`,
    values: [goneMs],
  })
}
