import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

export interface RawFanOut {
  readonly subscribers: number
  readonly changes: number
  readonly bytes: number
}

/** A bare WebSocket server in a process of its own, as the gateway is. */
export interface RawSockets extends AsyncDisposable {
  /** Messages a second that all clients together get. */
  measure(fanOut: RawFanOut): Promise<number>
}

export async function startRawSockets(): Promise<RawSockets> {
  const program = fileURLToPath(new URL('socket-server.ts', import.meta.url))
  const server = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(server.stdout, 'data')) as [Buffer]
  const url = `ws://127.0.0.1:${Number(line.toString())}`
  return {
    measure: (fanOut) => measure(url, fanOut),
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await once(server, 'exit')
    },
  }
}

async function measure(url: string, { subscribers, changes, bytes }: RawFanOut): Promise<number> {
  const all = Promise.withResolvers<void>()
  let left = subscribers * changes
  const sockets = Array.from({ length: subscribers }, () => {
    const socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true })
    socket.on('message', () => {
      left -= 1
      if (left === 0) all.resolve()
    })
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  const startedAt = performance.now()
  sockets[0]?.send(JSON.stringify({ changes, bytes }))
  await all.promise
  const seconds = (performance.now() - startedAt) / 1_000
  await Promise.all(
    sockets.map((socket) => {
      const closed = once(socket, 'close')
      socket.close()
      return closed
    }),
  )
  return (subscribers * changes) / seconds
}
