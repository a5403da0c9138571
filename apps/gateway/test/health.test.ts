import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { Health, HealthCheckResponse_ServingStatus as ServingStatus, ReadService } from '@qcore/contracts'
import { openFaultProxy } from '@qcore/fault-proxy'
import { fromConnectError } from '@qcore/transport'
import { inject } from 'vitest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type GatewayServer } from './_gateway-server.ts'

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus
const readService = 'qcore.store.v1.ReadService'
let opened = new AsyncDisposableStack()

afterEach(async () => {
  await opened.disposeAsync()
  opened = new AsyncDisposableStack()
})

async function open(env: Record<string, string> = {}): Promise<GatewayServer> {
  return opened.use(await startGateway(env))
}

async function readiness(server: GatewayServer): Promise<{ status: number; missing: string[] }> {
  const response = await fetch(`${server.url}/readyz`)
  const { checks } = (await response.json()) as { checks: { name: string; ok: boolean }[] }
  return { status: response.status, missing: checks.filter(({ ok }) => !ok).map(({ name }) => name) }
}

function getStatus(server: GatewayServer, authorization: string): Promise<Response> {
  return fetch(`${server.url}/${readService}/GetStatus`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: '{}',
  })
}

const health = (server: GatewayServer) => createClient(Health, createGrpcTransport({ baseUrl: server.url }))

describe('/livez and /metrics', () => {
  it('answer without a token, over HTTP/1.1', async () => {
    const server = await open()
    const live = await fetch(`${server.url}/livez`)
    expect([live.status, await live.text()]).toEqual([200, 'ok'])
    await getStatus(server, await server.bearer())
    await getStatus(server, '')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    const method = `method="${readService}/GetStatus"`
    expect(metrics).toMatch(new RegExp(`qcore_gateway_requests_total\\{${method},code="ok"\\} [1-9]`))
    expect(metrics).toMatch(new RegExp(`qcore_gateway_requests_total\\{${method},code="unauthenticated"\\} [1-9]`))
    expect(metrics).toMatch(new RegExp(`qcore_gateway_request_seconds_count\\{${method}\\} [1-9]`))
    expect(metrics).toMatch(/qcore_gateway_sent_bytes_total [1-9]/)
    expect(metrics).toMatch(/qcore_gateway_received_bytes_total [1-9]/)
    expect(metrics).toContain('qcore_gateway_streams_open 0')
  })

  it('answer over HTTP/2', async () => {
    const server = await open()
    const { connect } = await import('node:http2')
    const session = connect(server.url)
    const stream = session.request({ ':path': '/livez' })
    const status = await new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])))
    expect(status).toBe(200)
    session.destroy()
  })
})

describe('/readyz', () => {
  it('is ready when everything answers', async () => {
    expect(await readiness(await open())).toEqual({ status: 200, missing: [] })
  })

  it.each(['reader', 'writer', 'notifier', 'auth'] as const)('names the %s when nobody is one', async (name) => {
    const server = await open()
    await server.platform.stop(name)
    expect(await readiness(server)).toEqual({ status: 503, missing: [`gateway/${name}`] })
  })

  it('does not take the servers of another store for its own', async () => {
    const server = await open()
    await open()
    await server.platform.stop('reader')
    expect(await readiness(server)).toEqual({ status: 503, missing: ['gateway/reader'] })
  })

  it('is not ready while NATS is away, and calls say so at once', async () => {
    const nats = opened.use(await openFaultProxy(inject('natsUrl')))
    const server = await open({ Q_NATS_ADDR: nats.url })
    const authorization = await server.bearer()
    expect((await getStatus(server, authorization)).status).toBe(200)
    nats.cut()
    await vi.waitFor(async () => expect((await readiness(server)).status).toBe(503))
    expect((await readiness(server)).missing).toContain('gateway/nats')
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    const refused = await getStatus(server, authorization)
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: 'unavailable' })])
    nats.restore()
    await vi.waitFor(async () => expect((await getStatus(server, authorization)).status).toBe(200), { timeout: 5_000 })
    expect(await readiness(server)).toEqual({ status: 200, missing: [] })
  })
})

describe('a service that is down', () => {
  it('makes its calls fail at once, and no others', async () => {
    const server = await open()
    const authorization = await server.bearer()
    await server.platform.stop('reader')
    const refused = await getStatus(server, authorization)
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      code: 'unavailable',
      details: [{ debug: { reason: 'no_responders' } }],
    })
    const reads = createClient(ReadService, createGrpcTransport({ baseUrl: server.url }))
    const overGrpc = await reads.getStatus({}, { headers: { authorization } }).catch(fromConnectError)
    expect(overGrpc).toMatchObject({ code: 'no_responders' })
    const commit = await fetch(`${server.url}/qcore.store.v1.CommitService/Commit`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"mutations": [{"deleteEntity": {"entityId": "e"}}]}',
    })
    expect(commit.status).toBe(200)
  })
})

describe('grpc.health.v1', () => {
  it('checks the gateway as a whole and each service', async () => {
    const server = await open()
    const { check } = health(server)
    expect(await check({})).toMatchObject({ status: SERVING })
    await server.platform.stop('reader')
    expect(await check({})).toMatchObject({ status: NOT_SERVING })
    expect(await check({ service: readService })).toMatchObject({ status: NOT_SERVING })
    expect(await check({ service: 'qcore.store.v1.CommitService' })).toMatchObject({ status: SERVING })
    expect(await check({ service: 'grpc.health.v1.Health' })).toMatchObject({ status: SERVING })
    expect(await check({ service: 'no.Such' }).catch(({ rawMessage }) => rawMessage)).toContain('no.Such')
  })

  it('checks schedules too, without which the gateway as a whole is healthy', async () => {
    const { check } = health(await open())
    for (const service of ['qcore.schedule.v1.ScheduleService', 'qcore.schedule.v1.OccurrenceService']) {
      expect(await check({ service })).toMatchObject({ status: NOT_SERVING })
    }
    expect(await check({})).toMatchObject({ status: SERVING })
  })

  it.each(['qcore.events.v1.DeliveryService', 'qcore.config.v1.ConfigService'])(
    'has %s of notifiers',
    async (service) => {
      const server = await open()
      const { check } = health(server)
      await server.platform.stop('auth')
      expect(await check({ service })).toMatchObject({ status: SERVING })
      await server.platform.stop('notifier')
      expect(await check({ service })).toMatchObject({ status: NOT_SERVING })
    },
  )

  it('lists all services', async () => {
    const server = await open()
    await server.platform.stop('notifier')
    const { statuses } = await health(server).list({})
    expect(Object.entries(statuses).map(([name, { status }]) => [name, status === SERVING])).toEqual(
      expect.arrayContaining([
        ['', false],
        [readService, true],
        ['qcore.store.v1.WatchService', false],
        ['qcore.auth.v1.TokenService', true],
        ['grpc.reflection.v1.ServerReflection', true],
      ]),
    )
  })

  it('watches a service, and says when it goes and when it is unknown', async () => {
    const server = await open()
    const watching = health(server).watch({ service: readService })[Symbol.asyncIterator]()
    expect((await watching.next()).value).toMatchObject({ status: SERVING })
    await server.platform.stop('reader')
    expect((await watching.next()).value).toMatchObject({ status: NOT_SERVING })
    const unknown = health(server).watch({ service: 'no.Such' })[Symbol.asyncIterator]()
    expect((await unknown.next()).value).toMatchObject({ status: SERVICE_UNKNOWN })
  })

  it('tells a watcher that the gateway stops', async () => {
    const server = await startGateway()
    const watching = health(server).watch({})[Symbol.asyncIterator]()
    expect((await watching.next()).value).toMatchObject({ status: SERVING })
    const next = watching.next()
    await server.gateway[Symbol.asyncDispose]()
    expect((await next).value).toMatchObject({ status: NOT_SERVING })
    await server[Symbol.asyncDispose]()
  })
})
