import type { Executor } from '../pool.ts'

/** A partition of the log: the revisions from `from` up to `to`, `to` not included. */
export interface LogPartition {
  from: number
  to: number
}

/** SQLSTATE for a partition whose detaching was begun, and cut off, before. */
const detachPending = '55000'

const namePattern = /^log_(\d+)_(\d+)$/

function nameOf({ from, to }: LogPartition): string {
  return `log_${from}_${to}`
}

/** The partitions of the log, ascending. */
export async function listLogPartitions(executor: Executor): Promise<LogPartition[]> {
  const { rows } = await executor.query<{ name: string }>({
    name: 'list_log_partitions',
    text: `
      select child.relname::text as name
      from pg_inherits join pg_class child on child.oid = inhrelid
      where inhparent = 'log'::regclass`,
  })
  return rows
    .flatMap(({ name }) => {
      const match = namePattern.exec(name)
      return match === null ? [] : [{ from: Number(match[1]), to: Number(match[2]) }]
    })
    .sort((a, b) => a.from - b.from)
}

/** Makes a partition. Attaching it afterwards locks out neither readers nor the writer. */
export async function createLogPartition(executor: Executor, partition: LogPartition): Promise<void> {
  const name = nameOf(partition)
  await executor.query(`create table if not exists ${name} (like log including all)`)
  await executor.query(
    `alter table log attach partition ${name} for values from (${partition.from}) to (${partition.to})`,
  )
}

/** Takes a partition off the log, without waiting for readers of other ones, and drops it. */
export async function dropLogPartition(executor: Executor, partition: LogPartition): Promise<void> {
  const name = nameOf(partition)
  try {
    await executor.query(`alter table log detach partition ${name} concurrently`)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== detachPending) throw error
    await executor.query(`alter table log detach partition ${name} finalize`)
  }
  await executor.query(`drop table if exists ${name}`)
}

/** The times of the oldest and the newest commit in a range of revisions, in microseconds; undefined if it has none. */
export async function readLogTimes(
  executor: Executor,
  { from, to }: LogPartition,
): Promise<{ oldestUs: number; newestUs: number } | undefined> {
  const { rows } = await executor.query<{ oldestUs: number | null; newestUs: number | null }>({
    name: 'read_log_times',
    text: `
      select
        (select committed_us from log where revision >= $1 and revision < $2 order by revision limit 1) as "oldestUs",
        (select committed_us from log where revision >= $1 and revision < $2 order by revision desc limit 1) as "newestUs"`,
    values: [from, to],
  })
  const { oldestUs, newestUs } = rows[0] ?? {}
  return typeof oldestUs === 'number' && typeof newestUs === 'number' ? { oldestUs, newestUs } : undefined
}
