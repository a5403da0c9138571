import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { ConnectRouter, Interceptor, Transport } from '@connectrpc/connect'
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node'
import { createNatsTransport, serveNats } from '../src/index.ts'
import { freshStore, openNats } from './_nats.ts'

export interface CarrierOptions {
  routes: (router: ConnectRouter) => void
  serverInterceptors?: Interceptor[]
  clientInterceptors?: Interceptor[]
  binary: boolean
}

export interface OpenCarrier extends AsyncDisposable {
  transport: Transport
}

/** A way to carry calls: opens a server and a client of it. */
export interface Carrier {
  name: string
  open(options: CarrierOptions): Promise<OpenCarrier>
}

export const carriers: Carrier[] = [
  { name: 'NATS', open: openNatsCarrier },
  { name: 'HTTP', open: openHttpCarrier },
]

async function openNatsCarrier(options: CarrierOptions): Promise<OpenCarrier> {
  const { routes, serverInterceptors, clientInterceptors, binary } = options
  const store = freshStore()
  const serverConnection = await openNats()
  const connection = await openNats()
  const server = await serveNats({
    connection: serverConnection,
    store,
    name: 'test',
    version: '1.0.0',
    instanceId: 'one',
    routes,
    ...(serverInterceptors === undefined ? {} : { interceptors: serverInterceptors }),
  })
  const interceptors = clientInterceptors ?? []
  return {
    transport: createNatsTransport({ connection, store, binary, interceptors }),
    async [Symbol.asyncDispose]() {
      await server.drain(100)
      await connection.close()
      await serverConnection.close()
    },
  }
}

async function openHttpCarrier(options: CarrierOptions): Promise<OpenCarrier> {
  const { routes, serverInterceptors, clientInterceptors, binary } = options
  const adapter = connectNodeAdapter({
    routes,
    ...(serverInterceptors === undefined ? {} : { interceptors: serverInterceptors }),
  })
  const server = createServer(adapter)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    transport: createConnectTransport({
      baseUrl: `http://127.0.0.1:${port}`,
      httpVersion: '1.1',
      useBinaryFormat: binary,
      interceptors: clientInterceptors ?? [],
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
