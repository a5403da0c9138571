import { readHead, type Executor } from '@qcore/database'
import { healthOf, untilAborted, type HealthCheck } from '@qcore/service'
import type { LogFeed } from './log-feed.ts'

/** Whether PostgreSQL answers now. Ends with the signal. */
export function checkPostgres(executor: Executor, signal: AbortSignal): Promise<HealthCheck> {
  return healthOf('postgres', async () => {
    const { revision } = await untilAborted(readHead(executor), signal)
    return `the head is at revision ${revision}`
  })
}

/** Whether a feed keeps up with the log. */
export function checkFeed({ lagMs, appliedRevision }: LogFeed, mostLagMs: number): HealthCheck {
  const seconds = (lagMs / 1_000).toFixed(1)
  return { name: 'feed', ok: lagMs <= mostLagMs, detail: `revision ${appliedRevision} was current ${seconds} s ago` }
}
