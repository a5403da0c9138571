import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { natsAddress } from './_nats.ts'

/** A way to the shared NATS that can fail: for whoever connects through it, NATS is down, or does not answer. */
export interface Proxy extends AsyncDisposable {
  readonly address: string
  /** Breaks all connections and takes no new ones, as when NATS is killed. */
  cut(): void
  /** Takes connections again. */
  restore(): void
  /** Passes nothing on, and breaks nothing, as when a network goes dark. */
  freeze(): void
  /** Passes on again, also what came meanwhile. */
  thaw(): void
}

export async function openProxy(): Promise<Proxy> {
  const [host = '', port = ''] = natsAddress().split(':')
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
    const far = connect(Number(port), host)
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
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    restore: () => (isCut = false),
    freeze: () => sockets.forEach((socket) => socket.pause()),
    thaw: () => sockets.forEach((socket) => socket.resume()),
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
