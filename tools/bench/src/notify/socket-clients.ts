import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { NotifyBench } from './notify-context.ts'

/** Connections that are opened at a time. */
const opening = 200

export interface SocketClients extends AsyncDisposable {
  readonly sockets: readonly WebSocket[]
}

export interface SocketOptions {
  readonly count: number
  /** A subscription in JSON; absent: nothing is watched. */
  readonly watch?: Readonly<Record<string, unknown>>
  readonly onNotification?: () => void
}

/** Clients of `/stream`, each with a connection of its own, and a watch that is live. They read JSON. */
export async function openSockets({ system }: NotifyBench, options: SocketOptions): Promise<SocketClients> {
  const sockets: WebSocket[] = []
  const headers = { authorization: `Bearer ${system.token}` }
  const url = `${system.url.replace('http', 'ws')}/stream`
  for (let opened = 0; opened < options.count; opened += opening) {
    const some = Array.from(
      { length: Math.min(opening, options.count - opened) },
      () => new WebSocket(url, { headers, perMessageDeflate: false, skipUTF8Validation: true }),
    )
    sockets.push(...some)
    await Promise.all(some.map((socket) => once(socket, 'open')))
    await watchAll(some, options)
  }
  return {
    sockets,
    async [Symbol.asyncDispose]() {
      await Promise.all(
        sockets.map((socket) => {
          const closed = once(socket, 'close')
          socket.terminate()
          return closed
        }),
      )
    },
  }
}

/** Opens a watch on each of the connections. Resolves when all are live. */
export async function watchAll(
  sockets: readonly WebSocket[],
  { watch, onNotification }: Omit<SocketOptions, 'count'>,
): Promise<void> {
  if (watch === undefined) return
  const request = JSON.stringify({ id: 'w', watch: { subscriptions: [watch] } })
  await Promise.all(
    sockets.map(async (socket) => {
      const live = once(socket, 'message')
      socket.send(request)
      await live
      socket.on('message', (data: Buffer) => {
        if (data.includes('"notifications"')) onNotification?.()
      })
    }),
  )
}
