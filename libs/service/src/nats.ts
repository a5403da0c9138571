import { connect, type NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'

/** A silent server is noticed after `pingIntervalMs` × `maxPingOut`: within the lease of a writer. */
const pingIntervalMs = 1_000
const maxPingOut = 2

/** Time between attempts to connect again, plus a random part so that processes do not come back all at once. */
const reconnectWaitMs = 250
const reconnectJitterMs = 250

/**
 * Connects to NATS, and again whenever the connection is lost, until it is closed.
 *
 * @throws QError `unavailable` if no server answers within `timeoutMs`
 */
export async function openNats(
  natsAddress: string,
  { name, timeoutMs = 10_000 }: { name: string; timeoutMs?: number },
): Promise<NatsConnection> {
  const url = new URL(natsAddress)
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await connect({
        servers: `${url.hostname}:${url.port || '4222'}`,
        name,
        ...(password !== '' ? { user, pass: password } : user !== '' ? { token: user } : {}),
        ...(url.protocol === 'tls:' ? { tls: {} } : {}),
        timeout: Math.max(1, Math.min(2_000, deadline - Date.now())),
        maxReconnectAttempts: -1,
        reconnectTimeWait: reconnectWaitMs,
        reconnectJitter: reconnectJitterMs,
        pingInterval: pingIntervalMs,
        maxPingOut,
        // A server that is not ready to check anyone must not end a service that was let in before.
        ignoreAuthErrorAbort: true,
        noAsyncTraces: true,
        ignoreClusterUpdates: true,
      })
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new QError('unavailable', `cannot reach NATS at ${url.hostname}:${url.port || '4222'}`, { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, reconnectWaitMs))
    }
  }
}
