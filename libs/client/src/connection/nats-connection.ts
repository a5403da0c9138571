import { connect, errors, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { isStoreName } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { createNatsTransport } from '@qcore/transport'
import { canceled, pause } from '../calls/backoff.ts'
import type { Connection, NatsAddress } from './connection.ts'
import { NatsBus } from './nats-bus.ts'

/** A silent server is noticed after `pingIntervalMs` × `maxPingOut`. */
const pingIntervalMs = 2_000
const maxPingOut = 2

/** Time between attempts to connect again, plus a random part so that clients do not come back all at once. */
const reconnectWaitMs = 250
const reconnectJitterMs = 250
/** How long one attempt to connect may take. */
const attemptTimeoutMs = 2_000

/**
 * Connects to NATS, and again whenever the connection is lost, until it is closed.
 *
 * @throws QError `unavailable`, `unauthenticated`, `canceled`, `configuration`
 */
export async function openNatsConnection(
  { servers, store = 'main', name = 'qcore-client' }: NatsAddress,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<Connection> {
  if (!isStoreName(store)) throw new QError('configuration', `${store} is no name of a store`, { field: 'store' })
  const options = connectionOptions(typeof servers === 'string' ? servers.split(',') : servers, name)
  const connection = await connectUntil(performance.now() + timeoutMs, options, signal)
  return {
    transport: createNatsTransport({ connection, store }),
    oneByOne: createNatsTransport({ connection, store, streamLimits: { windowMessages: 1 } }),
    keepsOrder: true,
    bus: new NatsBus(connection),
    async [Symbol.asyncDispose]() {
      await connection.close()
    },
  }
}

async function connectUntil(
  deadlineAt: number,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<NatsConnection> {
  for (;;) {
    if (signal.aborted) throw canceled(signal)
    try {
      const timeout = Math.max(1, Math.min(attemptTimeoutMs, deadlineAt - performance.now()))
      return await connect({ ...options, timeout })
    } catch (error) {
      if (error instanceof errors.AuthorizationError) {
        throw new QError('unauthenticated', 'NATS does not take the user or token of the address', {
          field: 'servers',
          cause: error,
        })
      }
      if (performance.now() + reconnectWaitMs >= deadlineAt) {
        throw new QError('unavailable', `cannot reach NATS at ${String(options.servers)}`, { cause: error })
      }
      await pause(reconnectWaitMs, signal)
    }
  }
}

function connectionOptions(servers: readonly string[], name: string): ConnectionOptions {
  const urls = servers.map(parseServer)
  const [first] = urls
  if (first === undefined) throw new QError('configuration', 'no server is given', { field: 'servers' })
  const user = decodeURIComponent(first.username)
  const password = decodeURIComponent(first.password)
  return {
    servers: urls.map((url) => `${url.hostname}:${url.port || '4222'}`),
    name,
    ...(password !== '' ? { user, pass: password } : user !== '' ? { token: user } : {}),
    ...(first.protocol === 'tls:' ? { tls: {} } : {}),
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    reconnectJitter: reconnectJitterMs,
    pingInterval: pingIntervalMs,
    maxPingOut,
    // A server that is not ready to check anyone must not end a client that was let in before.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ignoreClusterUpdates: true,
  }
}

function parseServer(server: string): URL {
  const text = server.trim()
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`)
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    throw new QError('configuration', `${text} is not an address like nats://host:4222`, { field: 'servers' })
  }
  return url
}
