import type { Executor } from '../pool.ts'

/** The head of a store. */
export interface Head {
  /** The newest revision committed. */
  revision: number
  epoch: number
  /** The instance that holds, or last held, the writer's lease. */
  holder: string
  leaseUntil: Date
  /** The oldest revision in the log. */
  oldestRevision: number
  logId: string
}

/** Reads the head: linearizable, for the statement begins after the call. */
export async function readHead(executor: Executor): Promise<Head> {
  const { rows } = await executor.query<Head>({
    name: 'read_head',
    text: `select revision, epoch, holder, lease_until as "leaseUntil", oldest_revision as "oldestRevision", log_id as "logId"
           from head`,
  })
  const head = rows[0]
  if (head === undefined) throw new Error('the head row is missing')
  return head
}
