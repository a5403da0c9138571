import type { Executor } from '@qcore/database'

/** Rows whose time is over that one call takes along. */
const mostSwept = 100

/** Sets a key unless it is set. Returns whether it did. */
export async function setKey(
  executor: Executor,
  { key, value, lifetimeMs }: { key: string; value: string; lifetimeMs: number },
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'temporary_set_key',
    text: `
      with gone as (
        delete from temporary_key where key in (
          select key from temporary_key
          where expires_at <= clock_timestamp() and key <> $1
          limit ${mostSwept} for update skip locked)
      )
      insert into temporary_key as known (key, value, expires_at)
      values ($1, $2, clock_timestamp() + $3::double precision * interval '1 ms')
      on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at
      where known.expires_at <= clock_timestamp()`,
    values: [key, value, lifetimeMs],
  })
  return rowCount === 1
}

/** The value of a key; undefined if it is not set. */
export async function getKey(executor: Executor, key: string): Promise<string | undefined> {
  const { rows } = await executor.query<{ value: string }>({
    name: 'temporary_get_key',
    text: 'select value from temporary_key where key = $1 and expires_at > clock_timestamp()',
    values: [key],
  })
  return rows[0]?.value
}

/** Sets when a key ends. Returns whether it is set. */
export async function expireKey(
  executor: Executor,
  { key, lifetimeMs }: { key: string; lifetimeMs: number },
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'temporary_expire_key',
    text: `
      update temporary_key set expires_at = clock_timestamp() + $2::double precision * interval '1 ms'
      where key = $1 and expires_at > clock_timestamp()`,
    values: [key, lifetimeMs],
  })
  return rowCount === 1
}

/** Deletes a key. Returns whether it was set. */
export async function deleteKey(executor: Executor, key: string): Promise<boolean> {
  const { rows } = await executor.query<{ live: boolean }>({
    name: 'temporary_delete_key',
    text: 'delete from temporary_key where key = $1 returning expires_at > clock_timestamp() as live',
    values: [key],
  })
  return rows[0]?.live === true
}
