import { readHead, type Pool } from '@qcore/database'
import type { HealthCheck } from '@qcore/service'

/** Whether PostgreSQL answers now. Ends with the signal. */
export async function checkPostgres(pool: Pool, signal: AbortSignal): Promise<HealthCheck> {
  const name = 'postgres'
  const stopped = new AbortController()
  const expired = new Promise<HealthCheck>((resolve) => {
    const giveUp = (): void => resolve({ name, ok: false, detail: 'no answer in time' })
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true, signal: stopped.signal })
  })
  const answered = readHead(pool).then(
    ({ revision }) => ({ name, ok: true, detail: `at revision ${revision}` }),
    (error: unknown) => ({ name, ok: false, detail: error instanceof Error ? error.message : String(error) }),
  )
  try {
    return await Promise.race([answered, expired])
  } finally {
    stopped.abort()
  }
}
