import type { DescMethod } from '@bufbuild/protobuf'
import type { ConnectRouter, Interceptor } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import type { CallGate } from './call-gate.ts'
import { RequestServer } from './request-server.ts'
import { announceService } from './service-discovery.ts'

export interface ServeNatsOptions {
  connection: NatsConnection
  store: string
  /** The service's name for `$SRV`: letters, digits, `-` and `_`. */
  name: string
  version: string
  instanceId: string
  /** Registers the services; the function that an HTTP server would take. */
  routes: (router: ConnectRouter) => void
  /** Asked in turn before the interceptors: they let a call through, or throw. */
  gates?: readonly CallGate[]
  interceptors?: Interceptor[]
  /** Calls that are handled at a time, streams included; more are refused with `overloaded`. */
  maxConcurrentCalls?: number
  /** Told of faults, whose callers learn only `internal`. */
  onError?: (error: unknown, method: DescMethod) => void
}

export interface NatsServer extends AsyncDisposable {
  /** Takes no more calls, lets the unary ones end, and tells the streams to go elsewhere (`unavailable`). */
  drain(timeoutMs?: number): Promise<void>
  readonly stats: NatsServerStats
}

export interface NatsServerStats {
  /** Since the start. */
  requests: number
  errors: number
  /** At the moment. */
  running: number
}

/** What one token of a subject of `$SRV` may be. */
const discoveryName = /^[A-Za-z0-9_-]+$/

/**
 * Serves Connect services on NATS. Resolves when calls can come; the connection stays the caller's. Throws
 * `configuration` for a name or an instance id that `$SRV` cannot carry, and what NATS says against the subjects.
 */
export async function serveNats(options: ServeNatsOptions): Promise<NatsServer> {
  for (const field of ['name', 'instanceId'] as const) {
    if (discoveryName.test(options[field])) continue
    throw new QError('configuration', `${JSON.stringify(options[field])} cannot be the ${field} of a service`, {
      field,
    })
  }
  const server = new RequestServer(options)
  const announcement = announceService(options, server.endpoints)
  try {
    await server.start()
  } catch (error) {
    announcement.close()
    throw error
  }
  const drain = async (timeoutMs?: number): Promise<void> => {
    announcement.close()
    await server.drain(timeoutMs)
  }
  return {
    drain,
    [Symbol.asyncDispose]: () => drain(),
    get stats() {
      return server.stats
    },
  }
}
