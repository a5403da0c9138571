import type { Executor } from '../pool.ts'

/** A partition of the events: the times from `fromUs` up to `toUs`, `toUs` not included; microseconds since 1970. */
export interface EventPartition {
  fromUs: number
  toUs: number
}

/** SQLSTATE for a partition whose detaching was begun, and cut off, before. */
const detachPending = '55000'

const namePattern = /^event_(\d+)_(\d+)$/

function nameOf({ fromUs, toUs }: EventPartition): string {
  return `event_${fromUs}_${toUs}`
}

/** The partitions of the events, ascending. */
export async function listEventPartitions(executor: Executor): Promise<EventPartition[]> {
  const { rows } = await executor.query<{ name: string }>({
    name: 'list_event_partitions',
    text: `
      select child.relname::text as name
      from pg_inherits join pg_class child on child.oid = inhrelid
      where inhparent = 'event'::regclass`,
  })
  return rows
    .flatMap(({ name }) => {
      const match = namePattern.exec(name)
      return match === null ? [] : [{ fromUs: Number(match[1]), toUs: Number(match[2]) }]
    })
    .sort((a, b) => a.fromUs - b.fromUs)
}

/** Makes a partition. Attaching it afterwards locks out neither readers nor the writer. */
export async function createEventPartition(executor: Executor, partition: EventPartition): Promise<void> {
  const name = nameOf(partition)
  await executor.query(`create table if not exists ${name} (like event including all)`)
  await executor.query(
    `alter table event attach partition ${name} for values from (${partition.fromUs}) to (${partition.toUs})`,
  )
}

/** Takes a partition off the events, without waiting for readers of other ones, and drops it. */
export async function dropEventPartition(executor: Executor, partition: EventPartition): Promise<void> {
  const name = nameOf(partition)
  try {
    await executor.query(`alter table event detach partition ${name} concurrently`)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== detachPending) throw error
    await executor.query(`alter table event detach partition ${name} finalize`)
  }
  await executor.query(`drop table if exists ${name}`)
}
