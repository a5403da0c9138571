import type { NatsConnection } from '@nats-io/transport-node'
import type { HealthCheck } from './service.ts'

/** Whether the NATS server answers now. Ends with the signal. */
export async function checkNats(connection: NatsConnection, signal: AbortSignal): Promise<HealthCheck> {
  const name = 'nats'
  const stopped = new AbortController()
  const expired = new Promise<HealthCheck>((resolve) => {
    const giveUp = (): void => resolve({ name, ok: false, detail: 'no answer in time' })
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true, signal: stopped.signal })
  })
  const answered = connection.rtt().then(
    (rttMs) => ({ name, ok: true, detail: `answered in ${rttMs} ms` }),
    (error: unknown) => ({ name, ok: false, detail: error instanceof Error ? error.message : String(error) }),
  )
  try {
    return await Promise.race([answered, expired])
  } finally {
    stopped.abort()
  }
}
