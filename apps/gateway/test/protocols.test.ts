import { createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect'
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node'
import { CommitService, ReadService, WatchService } from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { failRevision } from './_platform.ts'

let server: GatewayServer
let authorization: string

beforeAll(async () => {
  server = await startGateway()
  authorization = await server.bearer()
})

afterAll(() => server[Symbol.asyncDispose]())

const authorize: Interceptor = (next) => (request) => {
  if (!request.header.has('authorization')) request.header.set('authorization', authorization)
  return next(request)
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const message of messages) collected.push(message)
  return collected
}

const gzipped = { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 0 }

function connectTransport(
  baseUrl: string,
  httpVersion: '1.1' | '2',
  useBinaryFormat: boolean,
  useHttpGet = false,
): Transport {
  return createConnectTransport({ baseUrl, httpVersion, useBinaryFormat, useHttpGet, interceptors: [authorize] })
}

const protocols: Record<string, (baseUrl: string) => Transport> = {
  'Connect, HTTP/1.1, JSON': (baseUrl) => connectTransport(baseUrl, '1.1', false),
  'Connect, HTTP/1.1, binary': (baseUrl) => connectTransport(baseUrl, '1.1', true),
  'Connect, HTTP/2, JSON': (baseUrl) => connectTransport(baseUrl, '2', false),
  'Connect, HTTP/2, binary': (baseUrl) => connectTransport(baseUrl, '2', true),
  'Connect, GET, JSON': (baseUrl) => connectTransport(baseUrl, '1.1', false, true),
  'Connect, GET, binary': (baseUrl) => connectTransport(baseUrl, '2', true, true),
  'Connect, compressed': (baseUrl) =>
    createConnectTransport({ ...gzipped, baseUrl, httpVersion: '1.1', interceptors: [authorize] }),
  'Connect, GET, compressed': (baseUrl) =>
    createConnectTransport({ ...gzipped, baseUrl, httpVersion: '2', interceptors: [authorize], useHttpGet: true }),
  'gRPC, binary': (baseUrl) => createGrpcTransport({ baseUrl, interceptors: [authorize] }),
  'gRPC, JSON': (baseUrl) => createGrpcTransport({ baseUrl, interceptors: [authorize], useBinaryFormat: false }),
  'gRPC, compressed': (baseUrl) => createGrpcTransport({ ...gzipped, baseUrl, interceptors: [authorize] }),
  'gRPC-Web, HTTP/1.1': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1', interceptors: [authorize] }),
  'gRPC-Web, HTTP/2, JSON': (baseUrl) =>
    createGrpcWebTransport({ baseUrl, httpVersion: '2', interceptors: [authorize], useBinaryFormat: false }),
}

describe.each(Object.entries(protocols))('%s', (_, open) => {
  let reads: Client<typeof ReadService>
  let commits: Client<typeof CommitService>
  let watches: Client<typeof WatchService>

  beforeAll(() => {
    const transport = open(server.url)
    reads = createClient(ReadService, transport)
    commits = createClient(CommitService, transport)
    watches = createClient(WatchService, transport)
  })

  const watched = (resumeAfter: bigint) => ({
    subscriptions: [{ target: { case: 'entityId', value: 'e' } as const, fields: ['Name'] }],
    resumeAfter,
  })

  it('carries a call, its headers and its trailers', async () => {
    const received = { header: new Headers(), trailer: new Headers() }
    const answer = await reads.getStatus(
      {},
      {
        headers: {
          'x-request-id': 'r-1',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          cookie: 'c',
        },
        onHeader: (header) => (received.header = header),
        onTrailer: (trailer) => (received.trailer = trailer),
      },
    )
    expect(answer).toMatchObject({ store: server.store, revision: 9_007_199_254_740_993n })
    expect(received.header.get('x-answered-by')).toBe('reader')
    expect(received.trailer.get('x-cost')).toBe('7')
    const seen = server.platform.seen.at(-1)
    expect(seen?.get('x-request-id')).toBe('r-1')
    expect(seen?.get('traceparent')).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    expect(seen?.get('cookie')).toBeNull()
    expect(seen?.get('user-agent')).toBeNull()
  })

  it('carries messages both ways', async () => {
    const answer = await reads.readFields({ reads: [{ entityId: 'e-1', path: 'Näme->日本' }] })
    const outcome = answer.results[0]?.outcome
    expect(outcome?.case === 'field' ? outcome.value.value?.kind.value : outcome).toBe('e-1.Näme->日本')
    const mutations = [{ kind: { case: 'deleteEntity', value: { entityId: 'e' } } as const }]
    expect((await commits.commit({ mutations })).revision).toBe(1n)
  })

  it('carries errors of the service with their details', async () => {
    const refused = await reads.readFields({ reads: [{ entityId: 'missing', path: 'Name' }] }).catch(fromConnectError)
    expect(refused).toMatchObject({ code: 'unknown_entity', field: 'reads[0].entity_id', message: 'no entity missing' })
    const invalid = await reads.readFields({ reads: [] }).catch(fromConnectError)
    expect(invalid).toMatchObject({ code: 'invalid_request', field: 'reads' })
  })

  it('hides what went wrong inside', async () => {
    const fault = await reads.readFields({ reads: [{ entityId: 'broken', path: 'Name' }] }).catch(fromConnectError)
    expect(fault).toMatchObject({ code: 'internal', message: expect.not.stringContaining('secret') })
  })

  it('keeps deadlines', async () => {
    const startedAtMs = performance.now()
    const call = reads.readFields({ reads: [{ entityId: 'slow', path: 'Name' }] }, { timeoutMs: 150 })
    expect(await call.catch(fromConnectError)).toMatchObject({ code: 'deadline_exceeded' })
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
    expect(Number(server.platform.seen.at(-1)?.get('connect-timeout-ms'))).toBeLessThanOrEqual(150)
  })

  it('cancels a call at the service', async () => {
    const controller = new AbortController()
    const before = server.platform.seen.length
    const ended = server.platform.ended.length
    const call = reads.readFields({ reads: [{ entityId: 'slow', path: 'Name' }] }, { signal: controller.signal })
    const refused = call.catch(fromConnectError)
    await vi.waitFor(() => expect(server.platform.seen.length).toBe(before + 1))
    controller.abort()
    expect(await refused).toMatchObject({ code: 'canceled' })
    await vi.waitFor(() => expect(server.platform.ended.length).toBe(ended + 1))
  })

  it('refuses a caller without a token', async () => {
    const before = server.platform.seen.length
    const refused = await reads.getStatus({}, { headers: { authorization: '-' } }).catch(fromConnectError)
    expect(refused).toMatchObject({ code: 'unauthenticated', field: 'authorization' })
    const forged = await reads.getStatus({}, { headers: { authorization: 'Bearer a.b.c' } }).catch(fromConnectError)
    expect(forged).toMatchObject({ code: 'token_invalid' })
    expect(server.platform.seen.length).toBe(before)
  })

  it('carries a stream, its headers and its trailers', async () => {
    const received = { header: new Headers(), trailer: new Headers() }
    const options = {
      onHeader: (header: Headers) => (received.header = header),
      onTrailer: (trailer: Headers) => (received.trailer = trailer),
    }
    const events = await collect(watches.watch(watched(0n), options))
    expect(events.map(({ event }) => event.case)).toEqual(['live'])
    expect(received.header.get('x-answered-by')).toBe('notifier')
    expect(received.trailer.get('x-cost')).toBe('9')
  })

  it('carries an error in the middle of a stream', async () => {
    const events: unknown[] = []
    const refused = await (async () => {
      for await (const { event } of watches.watch(watched(failRevision))) events.push(event.case)
    })().catch(fromConnectError)
    expect(events).toEqual(['live'])
    expect(refused).toMatchObject({ code: 'compacted', field: 'resume_after' })
  })

  it('ends a stream at the service when the caller leaves it', async () => {
    const ended = server.platform.ended.length
    const controller = new AbortController()
    const events = (async () => {
      for await (const { event } of watches.watch(watched(1n), { signal: controller.signal })) {
        if (event.case === 'progress') controller.abort()
      }
    })()
    expect(await events.catch(fromConnectError)).toMatchObject({ code: 'canceled' })
    await vi.waitFor(() => expect(server.platform.ended.length).toBe(ended + 1))
  })

  it('ends a stream at its deadline', async () => {
    const refused = await collect(watches.watch(watched(1n), { timeoutMs: 200 })).catch(fromConnectError)
    expect(refused).toMatchObject({ code: 'deadline_exceeded' })
  })
})
