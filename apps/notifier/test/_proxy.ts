import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can fail: for whoever connects through it, the server is killed, or goes dark. */
export interface Proxy extends AsyncDisposable {
  /** The URL of the server, by this way. */
  readonly url: string
  /** Breaks all connections and takes no new ones. */
  cut(): void
  restore(): void
  /** Passes nothing on, and breaks nothing. */
  freeze(): void
}

export async function openProxy(target: string): Promise<Proxy> {
  const url = new URL(target)
  const sockets = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(Number(url.port), url.hostname)
    keep(near)
    keep(far)
    near.pipe(far)
    far.pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  const near = new URL(target)
  near.hostname = '127.0.0.1'
  near.port = String((server.address() as AddressInfo).port)
  return {
    url: near.href,
    cut,
    restore: () => {
      isCut = false
    },
    freeze: () => {
      for (const socket of sockets) socket.pause()
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
