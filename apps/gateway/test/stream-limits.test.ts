import { create, toJsonString } from '@bufbuild/protobuf'
import { StreamRequestSchema } from '@qcore/contracts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { floodRevision } from './_platform.ts'
import { EventReader } from './_event-reader.ts'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { RawClient } from './_raw-client.ts'
import { StreamClient } from './_stream-client.ts'

let server: GatewayServer

afterEach(() => server[Symbol.asyncDispose]())

const watchOf = (entityId: string) => ({
  subscriptions: [{ target: { case: 'entityId', value: entityId } as const, fields: ['Name'] }],
})
const flood = {
  id: 'flood',
  request: { case: 'watch', value: { ...watchOf('flooded'), resumeAfter: floodRevision } },
} as const
const steady = { id: 'steady', request: { case: 'watch', value: watchOf('e') } } as const
const streamUrl = (): string => `${server.url.replace('http', 'ws')}/stream`
const watchPath = (more = ''): string =>
  `/stream/watch?subscription=${encodeURIComponent('{"entityId": "e", "fields": ["Name"]}')}${more}`

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? '-1')
}

/** A client that asks for a flood and reads nothing of it. */
async function openSilent(): Promise<RawClient> {
  const client = new RawClient(server.port)
  client.send(
    `GET /stream HTTP/1.1\r\nhost: q\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n` +
      `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: ${await server.bearer()}\r\n\r\n`,
  )
  await vi.waitFor(() => expect(client.received).toContain('101'))
  client.socket.pause()
  const body = Buffer.from(toJsonString(StreamRequestSchema, create(StreamRequestSchema, flood)))
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  const head = body.length < 126 ? [0x81, 0x80 | body.length] : [0x81, 0xfe, ...length]
  client.socket.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]))
  return client
}

describe('a client that does not read', () => {
  it('holds back its stream, is cut off, and holds up nobody', async () => {
    server = await startGateway({ Q_WEB_STALL_TIMEOUT_MS: '1000' })
    using _silent = await openSilent()
    await using other = await StreamClient.connect(streamUrl(), [], {
      headers: { authorization: await server.bearer() },
    })
    other.send(steady)
    await vi.waitFor(async () => expect(await metric('qcore_gateway_websockets_open')).toBe(1), { timeout: 30_000 })
    await vi.waitFor(async () => expect(await metric('qcore_gateway_streams_open')).toBe(1), { timeout: 30_000 })
    const before = other.received.length
    await vi.waitFor(() => expect(other.received.length).toBeGreaterThan(before + 5))
  })

  it('gets all of it when it reads again in time', async () => {
    server = await startGateway()
    await using client = await StreamClient.connect(streamUrl(), ['qcore.v1.proto'], {
      headers: { authorization: await server.bearer() },
    })
    client.send(flood)
    await client.until('flood', (response) => response.case === 'watch')
    client.socket.pause()
    await vi.waitFor(async () =>
      expect(await metric('qcore_gateway_websocket_unsent_bytes')).toBeGreaterThan(1_000_000),
    )
    client.socket.resume()
    await client.until('flood', (response) => response.case === 'end')
    expect(client.of('flood')).toHaveLength(402)
    expect(await metric('qcore_gateway_websocket_unsent_bytes')).toBe(0)
  })

  it('goes first when all clients together let too much wait', async () => {
    server = await startGateway({ Q_WS_UNSENT_BYTES: '3000000' })
    await using other = await StreamClient.connect(streamUrl(), [], {
      headers: { authorization: await server.bearer() },
    })
    other.send(steady)
    const silent = await Promise.all(Array.from({ length: 6 }, () => openSilent()))
    await vi.waitFor(async () => expect(await metric('qcore_gateway_websockets_open')).toBeLessThan(7))
    expect(await metric('qcore_gateway_websocket_unsent_bytes')).toBeLessThanOrEqual(3_000_000)
    const before = other.received.length
    await vi.waitFor(() => expect(other.received.length).toBeGreaterThan(before + 5))
    for (const client of silent) client[Symbol.dispose]()
  })

  it('of events is held back and cut off too', async () => {
    server = await startGateway({ Q_WEB_STALL_TIMEOUT_MS: '1000' })
    using silent = new RawClient(server.port)
    silent.send(
      `GET ${watchPath(`&resumeAfter=${floodRevision}`)} HTTP/1.1\r\nhost: q\r\nauthorization: ${await server.bearer()}\r\n\r\n`,
    )
    await vi.waitFor(() => expect(silent.received).toContain('text/event-stream'))
    silent.socket.pause()
    await vi.waitFor(async () => expect(await metric('qcore_gateway_streams_open')).toBe(0), { timeout: 30_000 })
  })
})

describe('a limit', () => {
  it('of streams at the gateway is told to the one that is too many', async () => {
    server = await startGateway({ Q_WEB_MAX_STREAMS: '2' })
    const headers = { authorization: await server.bearer() }
    await using client = await StreamClient.connect(streamUrl(), [], { headers })
    client.send(steady)
    await client.until('steady', (response) => response.case === 'watch')
    using reader = await EventReader.open(`${server.url}${watchPath()}`, { headers })
    expect(reader.status).toBe(200)
    using late = await EventReader.open(`${server.url}${watchPath()}`, { headers })
    expect(late.status).toBe(429)
    client.send({ ...steady, id: 'late' })
    const end = await client.until('late', (response) => response.case === 'end')
    expect(end.case === 'end' && end.value.problem?.code).toBe('overloaded')
  })

  it('of streams of one connection too', async () => {
    server = await startGateway()
    await using client = await StreamClient.connect(streamUrl(), [], {
      headers: { authorization: await server.bearer() },
    })
    for (let count = 0; count <= 100; count += 1) client.send({ ...steady, id: `${count}` })
    const end = await client.until('100', (response) => response.case === 'end')
    expect(end.case === 'end' && end.value.problem?.code).toBe('overloaded')
    await client.until('99', (response) => response.case === 'watch')
  })
})

describe('a gateway that stops', () => {
  it('tells its clients to resume elsewhere, and where', async () => {
    server = await startGateway()
    const headers = { authorization: await server.bearer() }
    await using client = await StreamClient.connect(streamUrl(), [], { headers })
    client.send(steady)
    using reader = await EventReader.open(`${server.url}${watchPath()}`, { headers })
    await reader.until(({ json }) => 'progress' in json)
    await client.until('steady', (response) => response.case === 'watch' && response.value.event.case === 'progress')
    await server.gateway[Symbol.asyncDispose]()
    const end = await reader.until(({ event }) => event === 'end')
    expect(end.json).toMatchObject({ problem: { code: 'unavailable' }, logId: 'log' })
    expect(`${end.json['logId'] as string}:${end.json['resumeAfter'] as string}`).toBe(reader.lastId)
    const told = await client.until('steady', (response) => response.case === 'end')
    expect(told.case === 'end' && told.value.problem?.code).toBe('unavailable')
    expect(told.case === 'end' && told.value.resumeAfter).toBeGreaterThan(0n)
    expect((await client.closed)[0]).toBe(1001)
  })
})
