import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { followNats, openNats } from '../src/index.ts'

/** As much of a NATS server as a connection needs; one that refuses its clients when it is told to. */
class Gate implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  refuses = false
  accepted = 0
  refused = 0

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket)).listen(0, '127.0.0.1')
  }

  async address(): Promise<string> {
    if (!this.#server.listening) await once(this.#server, 'listening')
    return `nats://secret@127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined)
    const info = {
      server_id: 'gate',
      version: '2.10.0',
      proto: 1,
      headers: true,
      max_payload: 1_048_576,
      auth_required: true,
    }
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on('data', (data) => {
      const text = data.toString()
      if (text.includes('CONNECT') && this.refuses) {
        this.refused++
        socket.end("-ERR 'Authorization Violation'\r\n")
        return
      }
      if (text.includes('CONNECT')) this.accepted++
      if (text.includes('PING')) socket.write('PONG\r\n')
    })
  }
}

let gate: Gate

beforeEach(() => {
  gate = new Gate()
})

afterEach(() => gate[Symbol.asyncDispose]())

test('a server that refuses everybody for a while does not end a connection that it had let in', async () => {
  const connection = await openNats(await gate.address(), { name: 'test' })
  gate.refuses = true
  gate.cut()
  await vi.waitFor(() => expect(gate.refused).toBeGreaterThanOrEqual(4), { timeout: 10_000 })
  expect(connection.isClosed()).toBe(false)
  gate.refuses = false
  await vi.waitFor(() => expect(gate.accepted).toBe(2), { timeout: 5_000 })
  await connection.flush()
  await connection.close()
})

test('who follows a connection hears of breaks, and can stop at once', async () => {
  const connection = await openNats(await gate.address(), { name: 'test' })
  const heard: string[] = []
  const following = followNats(connection, (type) => heard.push(type))
  gate.cut()
  await vi.waitFor(() => expect(heard).toContain('reconnect'), { timeout: 5_000 })
  expect(heard).toContain('disconnect')
  following[Symbol.dispose]()
  const before = [...heard]
  gate.cut()
  await vi.waitFor(() => expect(gate.accepted).toBe(3), { timeout: 5_000 })
  await connection.flush()
  expect(heard).toEqual(before)
  await connection.close()
})

test('who follows a connection that is broken already hears of that, and of its return', async () => {
  const connection = await openNats(await gate.address(), { name: 'test' })
  gate.refuses = true
  gate.cut()
  await vi.waitFor(() => expect(gate.refused).toBeGreaterThanOrEqual(1), { timeout: 5_000 })
  const heard: string[] = []
  using _ = followNats(connection, (type) => heard.push(type))
  await vi.waitFor(() => expect(heard[0]).toBe('disconnect'))
  gate.refuses = false
  await vi.waitFor(() => expect(heard).toContain('reconnect'), { timeout: 5_000 })
  expect(heard.filter((type) => type === 'disconnect')).toHaveLength(1)
  await connection.close()
})
