import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { once } from 'node:events'
import { createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node'
import { ReadService, WatchService } from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Environment } from '@qcore/service'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { floodRevision } from './_platform.ts'
import { RawClient } from './_raw-client.ts'

const getStatus = '/qcore.store.v1.ReadService/GetStatus'
let opened: AsyncDisposableStack | undefined

afterEach(async () => {
  await opened?.disposeAsync()
  opened = undefined
})

async function open(env: Environment): Promise<GatewayServer> {
  opened = new AsyncDisposableStack()
  return opened.use(await startGateway(env))
}

async function openHttp2(server: GatewayServer): Promise<ClientHttp2Session> {
  const session = connectHttp2(server.url)
  onTestFinished(() => session.destroy())
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  return session
}

function closing(stream: ClientHttp2Stream): Promise<void> {
  stream.on('error', () => undefined)
  return new Promise((resolve) => stream.on('close', resolve))
}

function withToken(authorization: string): Interceptor[] {
  return [
    (next) => (request) => {
      request.header.set('authorization', authorization)
      return next(request)
    },
  ]
}

const readFields = '/qcore.store.v1.ReadService/ReadFields'
const grpcHeaders = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers' }
const watchRequest = { subscriptions: [{ target: { case: 'entityId', value: 'e' } as const, fields: ['Name'] }] }
const json = 'content-type: application/json\r\ncontent-length: 10\r\n'
const jsonHeader = { 'content-type': 'application/json' }
const slowRead = { reads: [{ entityId: 'slow', path: 'Name' }] }

describe('the rate', () => {
  const call = (server: GatewayServer, authorization: string): Promise<Response> =>
    fetch(server.url + getStatus, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{}',
    })

  it('is limited for each token, and says when to come again', async () => {
    const server = await open({ Q_WEB_RATE_PER_TOKEN: '2' })
    const [ada, bob] = [await server.bearer(), await server.bearer()]
    const first = await call(server, ada)
    expect(first.status).toBe(200)
    expect(first.headers.get('ratelimit-policy')).toBe('"token";q=2;w=1')
    expect(first.headers.get('ratelimit')).toBe('"token";r=1;t=1')
    // Many at once: on a busy machine a second passes between one and the next.
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(server, ada)))
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.headers.get('retry-after')).toBe('1')
    expect(await refused?.json()).toMatchObject({ code: 'resource_exhausted' })
    expect((await call(server, bob)).status).toBe(200)
    await vi.waitFor(async () => expect((await call(server, ada)).status).toBe(200), { timeout: 3_000, interval: 100 })
  })

  it('is limited for gRPC and for streams too', async () => {
    const server = await open({ Q_WEB_RATE_PER_TOKEN: '1' })
    const transport = createGrpcTransport({ baseUrl: server.url, interceptors: withToken(await server.bearer()) })
    await createClient(ReadService, transport).getStatus({})
    const refused = await createClient(ReadService, transport).getStatus({}).catch(fromConnectError)
    expect(refused).toMatchObject({ code: 'rate_limited', metadata: { retry_after_seconds: '1' } })
    const watching = createClient(WatchService, transport).watch(watchRequest)[Symbol.asyncIterator]()
    expect(await watching.next().catch(fromConnectError)).toMatchObject({ code: 'rate_limited' })
  })

  it('is limited for each address, also of callers without a token', async () => {
    const server = await open({ Q_WEB_RATE_PER_ADDRESS: '2' })
    expect((await call(server, '')).status).toBe(401)
    expect((await call(server, 'Bearer a.b.c')).status).toBe(401)
    const refused = await call(server, await server.bearer())
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"address";q=2;w=1'])
    for (const [path, method] of [
      ['/make-client-id', 'GET'],
      ['/api', 'POST'],
      ['/ws-ticket', 'POST'],
    ] as const) {
      expect((await fetch(server.url + path, { method })).status).toBe(429)
    }
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  })

  it.each([
    ['/core/events', 'POST'],
    ['/core/metrics', 'GET'],
    ['/stream/watch', 'POST'],
    ['/stream/receive', 'POST'],
    ['/stream/config', 'GET'],
    ['/config', 'GET'],
    ['/config/a', 'PUT'],
    ['/ofrep/v1/evaluate/flags', 'POST'],
    ['/events', 'GET'],
    ['/occurrences', 'GET'],
    ['/status', 'GET'],
  ] as const)('of an address counts the requests to %s', async (path, method) => {
    const server = await open({ Q_WEB_RATE_PER_ADDRESS: '2' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(server.url + path, { method })))
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.headers.get('ratelimit-policy')).toBe('"address";q=2;w=1')
  })

  it("of a token counts the requests to Qhronos' paths", async () => {
    const server = await open({ Q_WEB_RATE_PER_TOKEN: '2', Q_QHRONOS_RATE: '0' })
    const headers = { authorization: await server.bearer() }
    const asked = await Promise.all(Array.from({ length: 20 }, () => fetch(`${server.url}/events/none`, { headers })))
    const refused = asked.find(({ status }) => status === 429)
    expect(refused?.headers.get('ratelimit-policy')).toBe('"token";q=2;w=1')
  })

  it('of a token counts the requests of the client that qlib has over HTTP', async () => {
    const server = await open({ Q_WEB_RATE_PER_TOKEN: '2' })
    const headers = { authorization: await server.bearer() }
    const made = (await (await fetch(`${server.url}/make-client-id`, { headers })).json()) as { header: object }
    const payload = { '@type': 'type.googleapis.com/protobufs.WebConfigGetRootRequest' }
    const body = JSON.stringify({ header: made.header, payload })
    const asked = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${server.url}/api`, { method: 'POST', body })),
    )
    expect(asked.some(({ status }) => status === 429)).toBe(true)
  })
})

describe('what runs at a time', () => {
  it('is limited for calls, over all protocols', async () => {
    const server = await open({ Q_WEB_MAX_CALLS: '1' })
    const interceptors = withToken(await server.bearer())
    const reads = createClient(ReadService, createGrpcTransport({ baseUrl: server.url, interceptors }))
    const leave = new AbortController()
    const slow = reads.readFields(slowRead, { signal: leave.signal }).catch(fromConnectError)
    await vi.waitFor(() => expect(server.platform.seen.length).toBe(1))
    expect(await reads.getStatus({}).catch(fromConnectError)).toMatchObject({ code: 'overloaded' })
    const connect = createConnectTransport({ baseUrl: server.url, httpVersion: '1.1', interceptors })
    expect(await createClient(ReadService, connect).getStatus({}).catch(fromConnectError)).toMatchObject({
      code: 'overloaded',
    })
    leave.abort()
    await slow
    await vi.waitFor(async () => expect(await reads.getStatus({})).toMatchObject({ store: server.store }))
  })

  it.each([
    ['POST', '/core/events'],
    ['POST', '/stream/watch'],
    ['POST', '/stream/receive'],
    ['PUT', '/config/a'],
  ])('has room for the body of %s %s as for a call, and none for one without a token', async (method, path) => {
    const server = await open({ Q_WEB_MAX_CALLS: '1' })
    const begin = (authorization: string): RawClient => {
      const client = new RawClient(server.port)
      onTestFinished(() => client[Symbol.dispose]())
      client.send(`${method} ${path} HTTP/1.1\r\nhost: q\r\nauthorization: ${authorization}\r\n${json}\r\n{`)
      return client
    }
    const stranger = begin('Bearer a.b.c')
    await vi.waitFor(() => expect(stranger.received).toContain(' 401 '), { timeout: 20_000 })
    // Refused for want of a token, in one turn, unless there is no room.
    const statusOfOther = async (): Promise<number> => {
      const body = '{}'
      return (await fetch(server.url + getStatus, { method: 'POST', headers: jsonHeader, body })).status
    }
    expect(await statusOfOther()).toBe(401)
    const known = begin(await server.bearer())
    await vi.waitFor(async () => expect(await statusOfOther()).toBe(429), { timeout: 20_000 })
    known[Symbol.dispose]()
    await vi.waitFor(async () => expect(await statusOfOther()).toBe(401), { timeout: 20_000 })
  })

  it('is limited for streams', async () => {
    const server = await open({ Q_WEB_MAX_STREAMS: '1' })
    const interceptors = withToken(await server.bearer())
    const watches = createClient(WatchService, createGrpcTransport({ baseUrl: server.url, interceptors }))
    const leave = new AbortController()
    const first = watches.watch(watchRequest, { signal: leave.signal })[Symbol.asyncIterator]()
    expect((await first.next()).value?.event.case).toBe('live')
    const second = watches.watch(watchRequest)[Symbol.asyncIterator]()
    expect(await second.next().catch(fromConnectError)).toMatchObject({ code: 'overloaded' })
    leave.abort()
    await vi.waitFor(async () => {
      const third = watches.watch({ ...watchRequest, resumeAfter: 0n })[Symbol.asyncIterator]()
      expect((await third.next()).value?.event.case).toBe('live')
    })
  })

  it('is limited for the streams of an HTTP/2 connection', async () => {
    const server = await open({ Q_WEB_MAX_STREAMS_PER_CONNECTION: '3' })
    const session = await openHttp2(server)
    expect(session.remoteSettings.maxConcurrentStreams).toBe(3)
  })

  it('is limited for connections', async () => {
    const server = await open({ Q_WEB_MAX_CONNECTIONS: '1' })
    using first = new RawClient(server.port)
    first.send('GET /livez HTTP/1.1\r\nhost: q\r\n\r\n')
    await vi.waitFor(() => expect(first.received).toContain(' 200 '))
    using second = new RawClient(server.port)
    second.send('GET /livez HTTP/1.1\r\nhost: q\r\n\r\n')
    await second.closed
    expect(second.received).toBe('')
  })
})

describe('a client that', () => {
  it('sends a message that is too large is refused, over gRPC and in a stream', async () => {
    const server = await open({ Q_WEB_MAX_BODY_BYTES: '5000' })
    const interceptors = withToken(await server.bearer())
    const transport = createGrpcTransport({ baseUrl: server.url, interceptors })
    const reads = Array.from({ length: 500 }, () => ({ entityId: 'e', path: 'Name->Name' }))
    const refused = await createClient(ReadService, transport).readFields({ reads }).catch(fromConnectError)
    expect(refused).toMatchObject({ code: 'payload_too_large', metadata: { limit_bytes: '5000' } })
    const connect = createConnectTransport({ baseUrl: server.url, httpVersion: '1.1', interceptors })
    const fields = Array.from({ length: 60 }, (_, index) => `${'x'.repeat(100)}${index}`)
    const subscriptions = [{ ...watchRequest.subscriptions[0], fields }]
    const watching = createClient(WatchService, connect).watch({ subscriptions })[Symbol.asyncIterator]()
    expect(await watching.next().catch(fromConnectError)).toMatchObject({ code: 'payload_too_large' })
    expect(server.platform.seen.length).toBe(0)
  })

  it('declares a message that is too large is refused before it sends it', async () => {
    const server = await open({})
    const session = await openHttp2(server)
    const stream = session.request({ ...grpcHeaders, ':path': readFields, authorization: await server.bearer() })
    const trailers = once(stream, 'trailers')
    stream.write(Buffer.from([0, 0x7f, 0, 0, 0]))
    stream.resume()
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '8', 'grpc-status-details-bin': expect.any(String) })
  })

  it.each([
    ['has no message', readFields, []],
    ['ends early', readFields, [0, 0, 0, 0, 9, 1]],
    ['is no message', readFields, [0, 0, 0, 0, 2, 0x0a, 0x7f]],
    ['is no message of a stream', '/qcore.store.v1.WatchService/Watch', [0, 0, 0, 0, 2, 0x0a, 0x7f]],
  ])('sends a request that %s is told so, over gRPC', async (_, path, body) => {
    const server = await open({})
    const session = await openHttp2(server)
    const stream = session.request({ ...grpcHeaders, ':path': path, authorization: await server.bearer() })
    const trailers = once(stream, 'trailers')
    stream.end(Buffer.from(body))
    stream.resume()
    const [{ 'grpc-status': status, 'grpc-status-details-bin': details }] = await trailers
    expect(status).toBe('3')
    expect(Buffer.from(details, 'base64').toString('latin1')).toContain('invalid_request')
    expect(server.platform.seen.length).toBe(0)
  })

  it('sends a header that is too large is refused', async () => {
    const server = await open({ Q_WEB_MAX_HEADER_BYTES: '2048' })
    using client = new RawClient(server.port)
    client.send(`GET /livez HTTP/1.1\r\nhost: q\r\nx-large: ${'x'.repeat(3_000)}\r\n\r\n`)
    await client.closed
    expect(client.received).toMatch(/^HTTP\/1.1 431 /)
    const session = await openHttp2(server)
    const stream = session.request({ ':path': '/livez', 'x-large': 'x'.repeat(3_000) })
    await closing(stream)
    expect(stream.rstCode).not.toBe(0)
  })

  it.each([
    ['says nothing', ''],
    ['says half of an HTTP/2 preface', 'PR'],
    ['does not end its header', 'GET /livez HTTP/1.1\r\nhost: q\r\n'],
    ['does not end its body', `POST ${getStatus} HTTP/1.1\r\nhost: q\r\n${json}authorization: TOKEN\r\n\r\n{`],
  ])('%s is cut off', async (_, text) => {
    const server = await open({ Q_WEB_RECEIVE_TIMEOUT_MS: '300' })
    using client = new RawClient(server.port)
    client.send(text.replace('TOKEN', await server.bearer()))
    await client.closed
    expect(client.received).toMatch(/^(HTTP\/1.1 408 .*)?$/s)
    expect(server.platform.seen.length).toBe(0)
  })

  it.each(['application/json', 'application/grpc+proto'])(
    'does not end its body over HTTP/2 (%s) is cut off',
    async (type) => {
      const server = await open({ Q_WEB_RECEIVE_TIMEOUT_MS: '300' })
      const session = await openHttp2(server)
      const stream = session.request({
        ':path': getStatus,
        ':method': 'POST',
        authorization: await server.bearer(),
        'content-type': type,
        te: 'trailers',
      })
      stream.on('error', () => undefined)
      stream.write(Buffer.from([0]))
      await once(stream, 'close')
      expect(server.platform.seen.length).toBe(0)
      expect(session.closed).toBe(false)
    },
  )

  it('keeps an idle connection is told to go, over HTTP/1.1 and HTTP/2', async () => {
    const server = await open({ Q_WEB_IDLE_TIMEOUT_MS: '200' })
    using client = new RawClient(server.port)
    client.send('GET /livez HTTP/1.1\r\nhost: q\r\n\r\n')
    const session = await openHttp2(server)
    const gone = once(session, 'goaway')
    await Promise.all([client.closed, gone])
    expect(client.received).toContain(' 200 ')
  })

  it('keeps a connection busy may keep it beyond the idle time', async () => {
    const server = await open({ Q_WEB_IDLE_TIMEOUT_MS: '100' })
    const session = await openHttp2(server)
    const events: string[] = []
    session.on('goaway', () => events.push('goaway'))
    const stream = session.request({
      ':path': readFields,
      ':method': 'POST',
      'content-type': 'application/json',
      authorization: await server.bearer(),
    })
    stream.on('response', ({ ':status': status }) => events.push(`${status}`))
    stream.resume().end(JSON.stringify({ reads: [{ entityId: 'pause', path: '500' }] }))
    await once(session, 'goaway')
    expect(events).toEqual(['200', 'goaway'])
  })

  it('answers no pings is cut off', async () => {
    const server = await open({ Q_WEB_STALL_TIMEOUT_MS: '200' })
    using client = new RawClient(server.port)
    const emptySettings = '\0\0\0\u0004\0\0\0\0\0'
    client.socket.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${emptySettings}`, 'latin1')
    await client.closed
    expect(client.received.length).toBeGreaterThan(0)
  })

  it.each(['1.1', '2'] as const)(
    'takes nothing of a stream over HTTP/%s is cut off, and the service learns it',
    async (version) => {
      const server = await open({ Q_WEB_STALL_TIMEOUT_MS: '300' })
      const authorization = await server.bearer()
      const envelope = Buffer.from(
        JSON.stringify({ ...watchRequest, resumeAfter: `${floodRevision}` }).replace(
          /"target":.*?},/,
          '"entityId":"e",',
        ),
      )
      const body = Buffer.concat([Buffer.from([0, 0, 0, 0, envelope.length]), envelope])
      const path = '/qcore.store.v1.WatchService/Watch'
      if (version === '1.1') {
        const client = new RawClient(server.port)
        onTestFinished(() => client[Symbol.dispose]())
        client.socket.pause()
        client.send(
          `POST ${path} HTTP/1.1\r\nhost: q\r\nauthorization: ${authorization}\r\n` +
            `content-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n${body.toString('latin1')}`,
        )
      } else {
        const session = await openHttp2(server)
        const stream = session.request({
          ':path': path,
          ':method': 'POST',
          authorization,
          'content-type': 'application/connect+json',
        })
        stream.on('error', () => undefined)
        stream.end(body)
      }
      await vi.waitFor(() => expect(server.platform.seen.length).toBe(1))
      await vi.waitFor(() => expect(server.platform.ended).toEqual([expect.stringContaining('cancel')]), {
        timeout: 5_000,
      })
    },
  )
})
