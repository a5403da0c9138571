import type { NatsConnection } from '@nats-io/transport-node'
import { healthOf, type HealthCheck } from './health-check.ts'
import { untilAborted } from './until-aborted.ts'

/** Whether the NATS server answers now. Ends with the signal. */
export function checkNats(connection: NatsConnection, signal: AbortSignal): Promise<HealthCheck> {
  return healthOf('nats', async () => `answered in ${await untilAborted(connection.rtt(), signal)} ms`)
}
