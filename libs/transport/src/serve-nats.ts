import type { DescMethod } from '@bufbuild/protobuf'
import type { ConnectRouter, Interceptor } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
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

/** Serves Connect services on NATS. Resolves when calls can come; the connection stays the caller's. */
export async function serveNats(options: ServeNatsOptions): Promise<NatsServer> {
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
