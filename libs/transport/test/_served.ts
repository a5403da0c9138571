import type { Transport } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  createNatsTransport,
  serveNats,
  type NatsServer,
  type NatsTransportOptions,
  type ServeNatsOptions,
} from '../src/index.ts'
import { freshStore, openNats } from './_nats.ts'

export interface Served extends AsyncDisposable {
  store: string
  server: NatsServer
  serverConnection: NatsConnection
  connection: NatsConnection
  transport: Transport
}

export interface ServedOptions {
  routes: ServeNatsOptions['routes']
  serve?: Partial<ServeNatsOptions>
  call?: Partial<NatsTransportOptions>
  /** Where each side connects to; the shared NATS if absent. */
  serverAddress?: string
  clientAddress?: string
}

/** A server and a client of it, with a connection and a store of their own. */
export async function openServed({ routes, serve, call, ...addresses }: ServedOptions): Promise<Served> {
  const store = serve?.store ?? freshStore()
  const serverConnection = await openNats(addresses.serverAddress)
  const connection = await openNats(addresses.clientAddress)
  const identity = { name: 'test', version: '1.0.0', instanceId: 'one' }
  const server = await serveNats({ connection: serverConnection, store, ...identity, routes, ...serve })
  return {
    store,
    server,
    serverConnection,
    connection,
    transport: createNatsTransport({ connection, store, ...call }),
    async [Symbol.asyncDispose]() {
      await connection.close()
      await server.drain(100)
      await serverConnection.close()
    },
  }
}
