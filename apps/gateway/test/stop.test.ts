import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { createClient, type Client, type Interceptor } from '@connectrpc/connect'
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node'
import { ReadService, WatchService } from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { RawClient } from './_raw-client.ts'

let server: GatewayServer

afterEach(() => server[Symbol.asyncDispose]())

async function openClients(): Promise<{ reads: Client<typeof ReadService>; watches: Client<typeof WatchService> }> {
  const authorization = await server.bearer()
  const authorize: Interceptor = (next) => (request) => {
    request.header.set('authorization', authorization)
    return next(request)
  }
  const sessionManager = new Http2SessionManager(server.url)
  const transport = createGrpcTransport({ baseUrl: server.url, interceptors: [authorize], sessionManager })
  return { reads: createClient(ReadService, transport), watches: createClient(WatchService, transport) }
}

const pause = (ms: number) => ({ reads: [{ entityId: 'pause', path: `${ms}` }] })
const watchRequest = { subscriptions: [{ target: { case: 'entityId', value: 'e' } as const, fields: ['Name'] }] }

describe('a gateway that stops', () => {
  it('lets running calls end, in every protocol, and takes no new connection', async () => {
    server = await startGateway()
    const { reads } = await openClients()
    const overGrpc = reads.readFields(pause(400))
    using client = new RawClient(server.port)
    const body = JSON.stringify(pause(400))
    client.send(
      `POST /qcore.store.v1.ReadService/ReadFields HTTP/1.1\r\nhost: q\r\nauthorization: ${await server.bearer()}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await vi.waitFor(() => expect(server.platform.seen.length).toBe(2))
    const stopped = server.gateway[Symbol.asyncDispose]()
    using late = new RawClient(server.port)
    await late.closed
    expect(late.received).toBe('')
    expect((await overGrpc).results).toHaveLength(1)
    await client.closed
    expect(client.received).toMatch(/^HTTP\/1.1 200 .*connection: close.*"revision":"5"/is)
    await stopped
  })

  it('tells streams to go elsewhere at once', async () => {
    server = await startGateway()
    const { watches } = await openClients()
    const watching = watches.watch(watchRequest)[Symbol.asyncIterator]()
    expect((await watching.next()).value?.event.case).toBe('live')
    const startedAtMs = performance.now()
    const ended = (async () => {
      for (;;) if ((await watching.next()).done === true) return undefined
    })().catch(fromConnectError)
    await server.gateway[Symbol.asyncDispose]()
    expect(await ended).toMatchObject({ code: 'unavailable' })
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
    await vi.waitFor(() => expect(server.platform.ended.length).toBe(1))
  })

  it('is not ready from then on', async () => {
    server = await startGateway()
    const { reads } = await openClients()
    const running = reads.readFields(pause(300))
    await vi.waitFor(() => expect(server.platform.seen.length).toBe(1))
    const stopped = server.gateway[Symbol.asyncDispose]()
    const checks = await server.gateway.checkHealth(AbortSignal.timeout(1_000))
    expect(checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['listener'])
    await running
    await stopped
  })

  it('cuts off what does not end in time', async () => {
    server = await startGateway({ Q_SHUTDOWN_TIMEOUT_MS: '500' })
    const { reads } = await openClients()
    const slow = reads.readFields({ reads: [{ entityId: 'slow', path: 'Name' }] }).catch(fromConnectError)
    await vi.waitFor(() => expect(server.platform.seen.length).toBe(1))
    const startedAtMs = performance.now()
    await server.gateway[Symbol.asyncDispose]()
    expect(performance.now() - startedAtMs).toBeLessThan(1_500)
    expect(await slow).toBeInstanceOf(Error)
    await vi.waitFor(() => expect(server.platform.ended.length).toBe(1))
  })

  it('does not wait for a client that has its answer and goes on sending', async () => {
    server = await startGateway()
    const session = connectHttp2(server.url)
    onTestFinished(() => session.destroy())
    session.on('error', () => undefined)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/qcore.store.v1.ReadService/ReadFields',
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      authorization: await server.bearer(),
    })
    const trailers = once(stream, 'trailers')
    const closed = once(stream, 'close')
    const tooLong = Buffer.from([0, 0x7f, 0, 0, 0])
    stream.write(tooLong)
    stream.resume()
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '8' })
    await closed
    expect(stream.rstCode).toBe(0)
    const startedAtMs = performance.now()
    await server.gateway[Symbol.asyncDispose]()
    expect(performance.now() - startedAtMs).toBeLessThan(5_000)
  })

  it('with idle connections stops at once', async () => {
    server = await startGateway()
    using client = new RawClient(server.port)
    client.send('GET /livez HTTP/1.1\r\nhost: q\r\n\r\n')
    using silent = new RawClient(server.port)
    const { reads } = await openClients()
    await reads.getStatus({})
    await vi.waitFor(() => expect(client.received).toContain(' 200 '))
    const startedAtMs = performance.now()
    await server.gateway[Symbol.asyncDispose]()
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    await Promise.all([client.closed, silent.closed])
  })
})

describe('a gateway that starts', () => {
  it('says which setting names a taken port', async () => {
    server = await startGateway()
    await expect(startGateway({ Q_WEB_ADDR: `127.0.0.1:${server.port}` })).rejects.toMatchObject({
      code: 'configuration',
      field: 'Q_WEB_ADDR',
    })
  })
})
