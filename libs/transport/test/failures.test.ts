import { createClient } from '@connectrpc/connect'
import { CommitService, ReadService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { openFaultProxy } from '@qcore/fault-proxy'
import { describe, expect, inject, it, vi } from 'vitest'
import { createNatsTransport, serveNats } from '../src/index.ts'
import { aborted, failure } from './_calls.ts'
import { freshStore, openNats } from './_nats.ts'
import { openServed } from './_served.ts'

describe('a call that gets no answer', () => {
  it('fails at once with no_responders if nobody serves it', async () => {
    const connection = await openNats()
    const client = createClient(ReadService, createNatsTransport({ connection, store: freshStore() }))
    const startedAt = performance.now()
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'no_responders' })
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await connection.close()
  })

  it('fails with deadline_exceeded if the server does not answer in time', async () => {
    await using served = await openServed({
      routes: (router) => router.service(ReadService, { getStatus: async () => new Promise(() => {}) }),
      call: { defaultTimeoutMs: 60 },
    })
    const call = failure(createClient(ReadService, served.transport).getStatus({}))
    expect(await call).toMatchObject({ code: 'deadline_exceeded' })
  })

  it('fails with unavailable on a connection that is closed, or is being drained', async () => {
    const connection = await openNats()
    const client = createClient(ReadService, createNatsTransport({ connection, store: freshStore() }))
    await failure(client.getStatus({}))
    const draining = connection.drain()
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'unavailable' })
    await draining
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'unavailable' })
    const other = createClient(ReadService, createNatsTransport({ connection, store: freshStore() }))
    expect(await failure(other.getStatus({}))).toMatchObject({ code: 'unavailable' })
  })

  it('fails when the connection closes meanwhile: reads with unavailable, others with outcome_unknown', async () => {
    await using served = await openServed({
      routes: (router) =>
        router
          .service(ReadService, { getStatus: async () => new Promise(() => {}) })
          .service(CommitService, { commit: async () => new Promise(() => {}) }),
    })
    const read = failure(createClient(ReadService, served.transport).getStatus({}))
    const commit = failure(createClient(CommitService, served.transport).commit({}))
    await vi.waitFor(() => expect(served.server.stats.running).toBe(2))
    await served.connection.close()
    expect(await read).toMatchObject({ code: 'unavailable' })
    expect(await commit).toMatchObject({ code: 'outcome_unknown' })
  })

  it('fails when NATS dies, at once while it is down, and works when it is back', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using served = await openServed({
      routes: (router) =>
        router.service(ReadService, {
          getStatus: () => ({ store: 'main' }),
          listTypes: async () => new Promise(() => {}),
        }),
      clientAddress: proxy.url,
    })
    const client = createClient(ReadService, served.transport)
    const pending = failure(client.listTypes({}))
    await vi.waitFor(() => expect(served.server.stats.running).toBe(1))
    proxy.cut()
    expect(await pending).toMatchObject({ code: 'unavailable' })
    const startedAt = performance.now()
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'unavailable' })
    expect(performance.now() - startedAt).toBeLessThan(500)
    proxy.restore()
    await vi.waitFor(async () => expect((await client.getStatus({})).store).toBe('main'))
  })

  it('goes on when the server loses NATS and finds it again', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using served = await openServed({
      routes: (router) => router.service(ReadService, { getStatus: () => ({ store: 'main' }) }),
      serverAddress: proxy.url,
      // A request may be lost in the moment of the break.
      call: { defaultTimeoutMs: 100 },
    })
    const client = createClient(ReadService, served.transport)
    proxy.cut()
    await vi.waitFor(async () => expect(await failure(client.getStatus({}))).toMatchObject({ code: 'no_responders' }))
    proxy.restore()
    await vi.waitFor(async () => expect((await client.getStatus({})).store).toBe('main'))
  })
})

describe('a message that NATS would refuse', () => {
  const routes = openServed.bind(undefined, {
    routes: (router) =>
      router.service(ReadService, {
        getStatus: () => ({ store: 'x'.repeat(2_000_000) }),
        findEntities: ({ cursor }) => ({ nextCursor: String(cursor.length) }),
        listTypes: (_request, context) => {
          context.responseHeader.set('x-large', 'x'.repeat(1_100_000))
          return {}
        },
        getSchema() {
          throw new QError('unknown_type', 'y'.repeat(1_100_000))
        },
      }),
  })

  it('is not sent by the caller; both sizes are named', async () => {
    await using served = await routes()
    const limit = served.connection.info?.max_payload ?? 0
    const call = createClient(ReadService, served.transport).findEntities({ cursor: 'x'.repeat(limit) })
    const error = await failure(call)
    expect(error.code).toBe('payload_too_large')
    expect(error.metadata).toMatchObject({ limit_bytes: String(limit) })
    expect(Number(error.metadata['size_bytes'])).toBeGreaterThan(limit)
    expect(error.message).toContain(String(limit))
    expect(served.server.stats.requests).toBe(0)
    expect((await createClient(ReadService, served.transport).findEntities({ cursor: 'ab' })).nextCursor).toBe('2')
  })

  it('counts its headers', async () => {
    await using served = await routes()
    const headers = { 'x-large': 'x'.repeat(served.connection.info?.max_payload ?? 0) }
    const call = createClient(ReadService, served.transport).findEntities({}, { headers })
    expect(await failure(call)).toMatchObject({ code: 'payload_too_large' })
  })

  it('becomes an error of the server if it is an answer', async () => {
    await using served = await routes()
    const client = createClient(ReadService, served.transport)
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'payload_too_large' })
    expect(await failure(client.listTypes({}))).toMatchObject({ code: 'payload_too_large' })
  })

  it('loses its text if it is an error', async () => {
    await using served = await routes()
    const error = await failure(createClient(ReadService, served.transport).getSchema({}))
    expect(error.cause).toMatchObject({ code: 5 })
    expect(error.message.length).toBeLessThan(1_000)
  })
})

describe('a server', () => {
  it('answers overloaded at once while too many calls run, and takes calls again afterwards', async () => {
    const gate = Promise.withResolvers<void>()
    await using served = await openServed({
      routes: (router) =>
        router.service(ReadService, {
          async getStatus() {
            await gate.promise
            return {}
          },
        }),
      serve: { maxConcurrentCalls: 2 },
    })
    const client = createClient(ReadService, served.transport)
    const running = [client.getStatus({}), client.getStatus({})]
    await vi.waitFor(() => expect(served.server.stats.running).toBe(2))
    expect(await failure(client.getStatus({}))).toMatchObject({ code: 'overloaded' })
    gate.resolve()
    await Promise.all(running)
    await client.getStatus({})
    expect(served.server.stats).toMatchObject({ requests: 4, errors: 1, running: 0 })
  })

  it('reports faults, and only faults, and tells the caller nothing of them', async () => {
    const faults: unknown[] = []
    await using served = await openServed({
      routes: (router) =>
        router.service(ReadService, {
          getStatus() {
            throw new TypeError('secret')
          },
          getRoot() {
            throw new QError('not_leader', 'go elsewhere')
          },
          async listTypes(_request, context) {
            await aborted(context.signal)
            throw context.signal.reason
          },
        }),
      serve: { onError: (error, method) => faults.push([(error as Error).message, method.name]) },
    })
    const client = createClient(ReadService, served.transport)
    const error = await failure(client.getStatus({}))
    expect(error).toMatchObject({ code: 'internal' })
    expect(error.message).not.toContain('secret')
    expect(await failure(client.getRoot({}))).toMatchObject({ code: 'not_leader', message: 'go elsewhere' })
    expect(await failure(client.listTypes({}, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded' })
    await vi.waitFor(() => expect(served.server.stats.running).toBe(0))
    expect(faults).toEqual([['secret', 'GetStatus']])
  })

  it('shares the requests with others of the same store, each request once', async () => {
    const counts = [0, 0]
    const routes = (index: number): Parameters<typeof openServed>[0]['routes'] => {
      return (router) =>
        router.service(ReadService, {
          getStatus() {
            counts[index] = (counts[index] ?? 0) + 1
            return {}
          },
        })
    }
    await using first = await openServed({ routes: routes(0) })
    await using second = await openServed({ routes: routes(1), serve: { store: first.store, instanceId: 'two' } })
    const client = createClient(ReadService, first.transport)
    await Promise.all(Array.from({ length: 200 }, async () => client.getStatus({})))
    const [one = 0, two = 0] = counts
    expect(one + two).toBe(200)
    expect(Math.min(one, two)).toBeGreaterThan(10)
    await second.server.drain()
    await Promise.all(Array.from({ length: 20 }, async () => client.getStatus({})))
    expect(counts[1]).toBe(two)
  })

  it('lets running calls end when it is drained, and takes no more', async () => {
    const gate = Promise.withResolvers<void>()
    await using served = await openServed({
      routes: (router) =>
        router.service(ReadService, {
          async getStatus() {
            await gate.promise
            return { store: 'late' }
          },
          listTypes: () => ({}),
        }),
    })
    const client = createClient(ReadService, served.transport)
    const running = client.getStatus({})
    await vi.waitFor(() => expect(served.server.stats.running).toBe(1))
    const drained = served.server.drain()
    await vi.waitFor(async () => expect(await failure(client.listTypes({}))).toMatchObject({ code: 'no_responders' }))
    gate.resolve()
    expect((await running).store).toBe('late')
    await drained
  })

  it('aborts the calls that do not end in the time of its drain', async () => {
    await using served = await openServed({
      routes: (router) =>
        router.service(CommitService, {
          async commit(_request, context) {
            await aborted(context.signal)
            throw context.signal.reason
          },
        }),
    })
    const call = failure(createClient(CommitService, served.transport).commit({}))
    await vi.waitFor(() => expect(served.server.stats.running).toBe(1))
    await served.server.drain(50)
    expect(await call).toMatchObject({ code: 'outcome_unknown' })
  })

  it('does not wait, when it is drained, for the handler of a call whose time is up', async () => {
    const gate = Promise.withResolvers<void>()
    await using served = await openServed({
      routes: (router) =>
        router.service(ReadService, {
          async getStatus() {
            await gate.promise
            return {}
          },
        }),
    })
    const client = createClient(ReadService, served.transport)
    const early = failure(client.getStatus({}, { timeoutMs: 100 }))
    const late = failure(client.getStatus({}, { timeoutMs: 400 }))
    expect(await early).toMatchObject({ code: 'deadline_exceeded' })
    const beganMs = performance.now()
    await served.server.drain()
    expect(performance.now() - beganMs).toBeLessThan(5_000)
    expect(await late).toMatchObject({ code: 'deadline_exceeded' })
    gate.resolve()
  })

  it('does not start under a name that discovery cannot carry', async () => {
    const connection = await openNats()
    const options = { connection, store: freshStore(), name: 'not a name', version: '1', instanceId: 'a' }
    await expect(serveNats({ ...options, routes: () => {} })).rejects.toMatchObject({ code: 'configuration' })
    await connection.close()
  })
})
