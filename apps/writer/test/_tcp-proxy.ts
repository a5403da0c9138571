import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A connection between a client and a server that a test can disturb. */
export interface TcpProxy extends AsyncDisposable {
  /** The server's address, with the proxy's host and port. */
  readonly address: string
  /** Ends all connections, and refuses new ones until `mend`. */
  cut(): void
  /** Lets through what clients send, and nothing that the server answers, until `mend`. Returns when something came. */
  swallowAnswers(): Promise<void>
  /** Lets everything through again; connections that missed something are ended. */
  mend(): void
}

/** Starts a proxy for the server of a URL. */
export async function startProxy(serverAddress: string): Promise<TcpProxy> {
  const url = new URL(serverAddress)
  const target = { host: url.hostname, port: Number(url.port) }
  const pairs = new Set<[Socket, Socket]>()
  let isCut = false
  let swallowed: (() => void) | undefined
  let isSwallowing = false
  const endAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    pairs.clear()
  }
  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = connect(target)
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    client.setNoDelay(true)
    upstream.setNoDelay(true)
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (isSwallowing) swallowed?.()
      else client.write(chunk)
    })
    for (const socket of pair) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        for (const side of pair) side.destroy()
        pairs.delete(pair)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const address = new URL(serverAddress)
  address.host = `127.0.0.1:${port}`
  return {
    address: address.href,
    cut() {
      isCut = true
      endAll()
    },
    swallowAnswers() {
      isSwallowing = true
      return new Promise((resolve) => {
        swallowed = resolve
      })
    },
    mend() {
      if (isSwallowing) endAll()
      isCut = false
      isSwallowing = false
    },
    async [Symbol.asyncDispose]() {
      endAll()
      server.close()
      await once(server, 'close')
    },
  }
}
