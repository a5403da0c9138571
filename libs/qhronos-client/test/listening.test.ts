import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { QhronosClient, type Listening } from '../src/index.ts'

let server: WebSocketServer
let connections: number

beforeEach(async () => {
  connections = 0
  server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws' })
  await once(server, 'listening')
})

afterEach(() => server.close())

/** Answers the first message of each connection, the first of them in its own way. */
function serve(first: (socket: WebSocket) => void): void {
  server.on('connection', (socket) => {
    connections += 1
    const answer = connections === 1 ? first : register
    socket.once('message', () => answer(socket))
  })
}

function register(socket: WebSocket): void {
  socket.send(JSON.stringify({ type: 'ack', message: 'subscription registered' }))
}

function refuse(socket: WebSocket, code: number, message: string): void {
  socket.send(JSON.stringify({ type: 'error', message }))
  socket.close(code, message)
}

function listen(onError: (error: unknown) => void): Listening {
  const { port } = server.address() as AddressInfo
  const client = new QhronosClient({ baseUrl: `http://127.0.0.1:${port}`, authToken: 'any' })
  return client.listen({ type: 'tag-listener', tags: ['a'] }, () => undefined, { onError })
}

it.each([1011, 1013, 4410])('a listener that is turned away with %i connects again, whatever is said', async (code) => {
  const onError = vi.fn<(error: unknown) => void>()
  serve((socket) => refuse(socket, code, 'not now'))
  await using listening = listen(onError)
  await listening.ready
  expect(connections).toBe(2)
  expect(onError).not.toHaveBeenCalled()
})

it('a listener that is refused does not connect again, whatever is said', async () => {
  const onError = vi.fn<(error: unknown) => void>()
  serve((socket) => refuse(socket, 4401, 'nobody may connect again at the moment'))
  await using listening = listen(onError)
  await expect(listening.ready).rejects.toMatchObject({ code: 'refused' })
  expect(onError).toHaveBeenCalledTimes(1)
  expect(connections).toBe(1)
})

it('a listener whose token has ended shows the one that it has then', async () => {
  serve((socket) => {
    register(socket)
    socket.close(4401, 'the token has ended')
  })
  await using _listening = listen(() => undefined)
  await vi.waitFor(() => expect(connections).toBe(2), 10_000)
})
