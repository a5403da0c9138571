import type { Executor } from '../pool.ts'

/**
 * Drops what were partitions of a table with ranges below a bound, and are detached: what is left of a drop that was cut
 * off. Returns their names.
 */
export async function dropDetachedPartitions(
  executor: Executor,
  { parent, below }: { parent: 'log' | 'event'; below: number },
): Promise<string[]> {
  const { rows } = await executor.query<{ name: string }>({
    name: 'list_detached_partitions',
    text: `
      select child.relname::text as name
      from pg_class parent join pg_class child on child.relnamespace = parent.relnamespace
      where parent.oid = $1::regclass and child.relkind = 'r' and not child.relispartition
        and child.relname ~ ('^' || $1 || '_[0-9]+_[0-9]+$')
        and split_part(child.relname, '_', 3)::bigint <= $2`,
    values: [parent, below],
  })
  for (const { name } of rows) await executor.query(`drop table if exists ${name}`)
  return rows.map(({ name }) => name)
}
