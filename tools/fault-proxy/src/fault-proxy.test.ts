import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openFaultProxy, type FaultProxy } from './fault-proxy.ts'

/** Answers each chunk with itself in capitals. */
let server: Server
let heard: string
let accepted: Socket[]
let proxy: FaultProxy
let clients: Client[]

class Client {
  readonly socket: Socket
  received = ''
  errorCode: unknown
  isClosed = false

  constructor(url: string) {
    this.socket = connect(Number(new URL(url).port), new URL(url).hostname)
    this.socket.on('data', (chunk) => (this.received += chunk.toString()))
    this.socket.on('error', (error) => (this.errorCode = 'code' in error ? error.code : error))
    this.socket.on('close', () => (this.isClosed = true))
  }
}

function serverUrl(): string {
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function open(url = proxy.url): Client {
  const client = new Client(url)
  clients.push(client)
  return client
}

/** A client whose connection goes all the way. */
async function openThrough(): Promise<Client> {
  const client = open()
  client.socket.write('hello')
  await vi.waitFor(() => expect(client.received).toBe('HELLO'))
  return client
}

/** Waits longer than a chunk takes through the proxy: for ten answers of the server to somebody beside it. */
async function aWhile(): Promise<void> {
  const beside = open(serverUrl())
  for (let trip = 1; trip <= 10; trip += 1) {
    beside.socket.write('.')
    await vi.waitFor(() => expect(beside.received).toHaveLength(trip), { interval: 1 })
  }
  beside.socket.destroy()
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

beforeEach(async () => {
  heard = ''
  accepted = []
  clients = []
  server = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard += chunk.toString()
      socket.write(chunk.toString().toUpperCase())
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await openFaultProxy(serverUrl())
})

afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  await proxy[Symbol.asyncDispose]()
  for (const socket of accepted) socket.destroy()
  server.close()
  await once(server, 'close')
})

it('has the URL of the server, but for the host', async () => {
  await using other = await openFaultProxy('postgres://ada:secret@localhost:5432/main?sslmode=disable')
  expect(other.url).toMatch(/^postgres:\/\/ada:secret@127\.0\.0\.1:\d+\/main\?sslmode=disable$/)
  expect(new URL(other.url).port).not.toBe('5432')
})

it('passes both directions on', async () => {
  const client = await openThrough()
  client.socket.write('a'.repeat(5_000_000))
  await vi.waitFor(() => expect(client.received).toHaveLength(5_000_005), { timeout: 5_000 })
  expect(heard).toHaveLength(5_000_005)
})

it('closes one side when the other closes, or is not there', async () => {
  const client = await openThrough()
  accepted[0]?.destroy()
  await vi.waitFor(() => expect(client.isClosed).toBe(true))
  const other = await openThrough()
  other.socket.destroy()
  await vi.waitFor(() => expect(accepted[1]?.destroyed).toBe(true))
  await using toNobody = await openFaultProxy('tcp://127.0.0.1:9')
  const alone = open(toNobody.url)
  await vi.waitFor(() => expect(alone.isClosed).toBe(true))
})

it('resets all connections when it is cut, and takes new ones when it is restored', async () => {
  const all = [await openThrough(), await openThrough()]
  proxy.cut()
  await vi.waitFor(() => expect(all.map(({ errorCode }) => errorCode)).toEqual(['ECONNRESET', 'ECONNRESET']))
  await vi.waitFor(() => expect(accepted.every(({ destroyed }) => destroyed)).toBe(true))
  const refused = open()
  await vi.waitFor(() => expect(refused.isClosed).toBe(true))
  expect(accepted).toHaveLength(2)
  proxy.restore()
  await openThrough()
})

it('holds everything back, and passes it on when it is restored', async () => {
  const client = await openThrough()
  proxy.hold()
  client.socket.write('x')
  accepted[0]?.write('y')
  const later = open()
  later.socket.write('z')
  await aWhile()
  expect([client.received, later.received, heard.replaceAll('.', '')]).toEqual(['HELLO', '', 'hello'])
  proxy.restore()
  await vi.waitFor(() => expect([client.received, later.received]).toEqual(['HELLOyX', 'Z']))
  expect([client.isClosed, later.isClosed]).toEqual([false, false])
})

it('holds back what is under way, however much it is', async () => {
  const client = await openThrough()
  client.socket.write('a'.repeat(5_000_000))
  await vi.waitFor(() => expect(client.received.length).toBeGreaterThan(5), { interval: 1 })
  proxy.hold()
  await aWhile()
  const { length } = client.received
  await aWhile()
  expect(client.received).toHaveLength(length)
  expect(length).toBeLessThan(5_000_005)
  proxy.restore()
  await vi.waitFor(() => expect(client.received).toHaveLength(5_000_005), { timeout: 5_000 })
})

it('holds back answers alone, also those to new connections', async () => {
  const client = await openThrough()
  proxy.hold('answers')
  client.socket.write('x')
  await vi.waitFor(() => expect(heard).toBe('hellox'))
  const later = open()
  later.socket.write('y')
  await vi.waitFor(() => expect(heard).toBe('helloxy'))
  await aWhile()
  expect([client.received, later.received]).toEqual(['HELLO', ''])
  proxy.restore()
  await vi.waitFor(() => expect([client.received, later.received]).toEqual(['HELLOX', 'Y']))
})

it('holds back requests alone', async () => {
  const client = await openThrough()
  proxy.hold('requests')
  client.socket.write('x')
  accepted[0]?.write('Y')
  await vi.waitFor(() => expect(client.received).toBe('HELLOY'))
  await aWhile()
  expect(heard.replaceAll('.', '')).toBe('hello')
  proxy.restore()
  await vi.waitFor(() => expect(client.received).toBe('HELLOYX'))
})

it('counts the connections that are open', async () => {
  expect(proxy.connections).toBe(0)
  const client = await openThrough()
  expect(proxy.connections).toBe(1)
  client.socket.destroy()
  await vi.waitFor(() => expect(proxy.connections).toBe(0))
})

it('listens where it is told to', async () => {
  await using other = await openFaultProxy(serverUrl(), { host: '127.0.0.2' })
  expect(new URL(other.url).hostname).toBe('127.0.0.2')
  const client = open(other.url)
  client.socket.write('hello')
  await vi.waitFor(() => expect(client.received).toBe('HELLO'))
})

it('loses what it holds back when it is cut', async () => {
  const client = await openThrough()
  proxy.hold('answers')
  client.socket.write('x')
  await vi.waitFor(() => expect(heard).toBe('hellox'))
  await aWhile()
  proxy.cut()
  proxy.restore()
  await vi.waitFor(() => expect(client.isClosed).toBe(true))
  expect(client.received).toBe('HELLO')
  await openThrough()
})

it('leaves no handle when it is cut in the moment in which a client leaves', async () => {
  await vi.waitFor(() => expect(openSockets()).toBe(0))
  const client = await openThrough()
  const beside = open(serverUrl())
  beside.socket.write('.')
  await vi.waitFor(() => expect(beside.received).toBe('.'))
  // The proxy hears of the end first, and is cut in the same turn of the event loop.
  accepted[1]?.once('data', () => proxy.cut())
  client.socket.end(() => beside.socket.write('.'))
  await vi.waitFor(() => expect(client.isClosed).toBe(true))
  await vi.waitFor(() => expect(beside.received).toBe('..'))
  for (const socket of [beside.socket, ...accepted]) socket.destroy()
  await vi.waitFor(() => expect(openSockets()).toBe(0))
})

it('leaves no connection and no port when it is disposed', async () => {
  const other = await openFaultProxy(serverUrl())
  const client = open(other.url)
  client.socket.write('hello')
  await vi.waitFor(() => expect(client.received).toBe('HELLO'))
  await other[Symbol.asyncDispose]()
  await vi.waitFor(() => expect([client.isClosed, accepted[0]?.destroyed]).toEqual([true, true]))
  const late = open(other.url)
  await vi.waitFor(() => expect(late.errorCode).toBe('ECONNREFUSED'))
})
