import { readHead, type Executor } from '@qcore/database'
import { abortable, type LogFeed } from '@qcore/replica'
import type { HealthCheck } from '@qcore/service'

/** A reader that is further behind answers requests that demand nothing with what is too old. */
const mostLagMs = 10_000

/** Whether PostgreSQL answers now. Ends with the signal. */
export async function checkPostgres(pool: Executor, signal: AbortSignal): Promise<HealthCheck> {
  const name = 'postgres'
  try {
    const { revision } = await abortable(readHead(pool), signal)
    return { name, ok: true, detail: `the head is at revision ${revision}` }
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Whether the reader keeps up with the log. */
export function checkFeed({ lagMs, appliedRevision }: LogFeed): HealthCheck {
  const seconds = (lagMs / 1_000).toFixed(1)
  return { name: 'feed', ok: lagMs <= mostLagMs, detail: `revision ${appliedRevision} was current ${seconds} s ago` }
}
