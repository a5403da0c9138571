// A process of its own, as the gateway is: sends messages of a size to all of its clients when one of them asks for it.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
await once(server, 'listening')

server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => {
    const { changes, bytes } = JSON.parse(data.toString()) as { changes: number; bytes: number }
    void sendAll(changes, Buffer.alloc(bytes, 'x'))
  })
})

/** As a server that passes on what comes in does: a change at a time, and no faster than the clients take them. */
async function sendAll(changes: number, message: Buffer): Promise<void> {
  for (let change = 0; change < changes; change++) {
    for (const client of server.clients) client.send(message, { binary: false })
    if (change % 16 === 15) await new Promise((resolve) => setImmediate(resolve))
    while (mostUnsentBytes() > 1_048_576) await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

function mostUnsentBytes(): number {
  return Math.max(0, ...[...server.clients].map(({ bufferedAmount }) => bufferedAmount))
}

process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
process.once('SIGTERM', () => process.exit(0))
