import type { Executor } from '../pool.ts'

/** What a writer starts from. */
export interface TermStart {
  revision: number
  epoch: number
  oldestRevision: number
  nextFieldId: number
  logId: string
  /** The time of the newest commit, in microseconds; 0 if there is none. */
  committedUs: number
}

/** Reads what a writer starts from, after it took the lease. */
export async function loadTermStart(executor: Executor): Promise<TermStart> {
  const { rows } = await executor.query<TermStart>({
    name: 'load_term_start',
    text: `
      select head.revision, epoch, oldest_revision as "oldestRevision", next_field_id as "nextFieldId",
        log_id as "logId", coalesce(log.committed_us, 0) as "committedUs"
      from head left join log on log.revision = head.revision`,
  })
  const start = rows[0]
  if (start === undefined) throw new Error('the head row is missing')
  return start
}
