import { create, toBinary } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { WatchResponseSchema, WatchService, type WatchResponse } from '@qcore/contracts'
import { openFaultProxy } from '@qcore/fault-proxy'
import { describe, expect, inject, it, vi } from 'vitest'
import { createNatsTransport, type ServeNatsOptions } from '../src/index.ts'
import { encodeFrame } from '../src/stream-frame.ts'
import { aborted, collect, failure, progress } from './_calls.ts'
import { freshStore, openNats } from './_nats.ts'
import { openServed, type Served } from './_served.ts'

/** Short, so that silence is noticed while a test waits. */
const heartbeatMs = 100

type Watch = (context: { signal: AbortSignal }) => AsyncIterable<ReturnType<typeof progress>>

function watching(watch: Watch): ServeNatsOptions['routes'] {
  return (router) => router.service(WatchService, { watch: (_request, context) => watch(context) })
}

function watch(served: Served, signal?: AbortSignal): AsyncIterator<WatchResponse> {
  const options = signal === undefined ? {} : { signal }
  return createClient(WatchService, served.transport).watch({}, options)[Symbol.asyncIterator]()
}

const forever = watching(async function* ({ signal }) {
  yield progress(1)
  await aborted(signal)
})

describe('flow control', () => {
  it('lets no more be sent than the window holds, and goes on as the caller reads', async () => {
    let sent = 0
    await using served = await openServed({
      routes: watching(async function* ({ signal }) {
        while (!signal.aborted) yield progress((sent += 1))
      }),
      call: { streamLimits: { windowMessages: 100 } },
    })
    const controller = new AbortController()
    const iterator = watch(served, controller.signal)
    await iterator.next()
    await vi.waitUntil(() => sent >= 100)
    await served.connection.flush()
    await served.serverConnection.flush()
    expect(sent).toBe(100)
    for (let read = 1; read < 5_000; read += 1) {
      expect((await iterator.next()).value?.event.value).toMatchObject({ revision: BigInt(read + 1) })
    }
    expect(sent).toBeLessThanOrEqual(5_100)
    controller.abort()
  })

  it('counts bytes, and lets one message pass that is larger than the window', async () => {
    let sent = 0
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch(_request, { signal }) {
            const logId = 'x'.repeat(100_000)
            while (!signal.aborted) {
              sent += 1
              yield { event: { case: 'live', value: { logId } } }
            }
          },
        }),
      call: { streamLimits: { windowBytes: 50_000 } },
    })
    const controller = new AbortController()
    const iterator = watch(served, controller.signal)
    for (let read = 1; read <= 20; read += 1) {
      await iterator.next()
      expect(sent).toBeLessThanOrEqual(read + 2)
    }
    controller.abort()
  })

  it('keeps the memory of both sides bounded while the caller is slow', async () => {
    const chunkBytes = 60_000
    let sentBytes = 0
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch(_request, { signal }) {
            const logId = 'x'.repeat(chunkBytes)
            while (!signal.aborted) {
              sentBytes += chunkBytes
              yield { event: { case: 'live', value: { logId } } }
            }
          },
        }),
    })
    const controller = new AbortController()
    const iterator = watch(served, controller.signal)
    let readBytes = 0
    for (let read = 0; read < 500; read += 1) {
      await iterator.next()
      readBytes += chunkBytes
      if (read % 50 === 0) await served.connection.flush()
      expect(sentBytes - readBytes).toBeLessThan(1_000_000)
    }
    controller.abort()
  })

  it('sends small messages that are ready together in one message of NATS', async () => {
    await using served = await openServed({
      routes: watching(async function* () {
        for (let revision = 0; revision < 1_000; revision += 1) yield progress(revision)
      }),
    })
    const before = served.serverConnection.stats().outMsgs
    expect(await collect(createClient(WatchService, served.transport).watch({}))).toHaveLength(1_000)
    expect(served.serverConnection.stats().outMsgs - before).toBeLessThan(20)
  })

  it('refuses a message that is larger than NATS takes, after those before it', async () => {
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch() {
            yield progress(1)
            yield { event: { case: 'live', value: { logId: 'x'.repeat(1_100_000) } } }
          },
        }),
    })
    const iterator = watch(served)
    expect((await iterator.next()).value?.event.case).toBe('progress')
    expect(await failure(iterator.next())).toMatchObject({ code: 'payload_too_large' })
  })

  it('refuses a window that is out of bounds', async () => {
    await using served = await openServed({
      routes: watching(async function* () {}),
      call: { streamLimits: { windowMessages: 0 } },
    })
    expect(await failure(watch(served).next())).toMatchObject({
      code: 'invalid_request',
      field: 'Stream-Window-Messages',
    })
  })
})

describe('the end of a caller', () => {
  it('stops the handler at once when the caller returns from its iteration', async () => {
    const stopped = Promise.withResolvers<string>()
    await using served = await openServed({
      routes: watching(async function* ({ signal }) {
        yield progress(1)
        await aborted(signal)
        stopped.resolve('stopped')
      }),
    })
    async function* noRequest(): AsyncGenerator<object> {
      yield {}
    }
    const response = await served.transport.stream(
      WatchService.method.watch,
      undefined,
      undefined,
      undefined,
      noRequest(),
    )
    for await (const message of response.message) {
      expect(message.event.case).toBe('progress')
      break
    }
    expect(await stopped.promise).toBe('stopped')
  })

  it('stops the handler when the call is canceled before anything came from it', async () => {
    const stopped = Promise.withResolvers<AbortSignal>()
    await using served = await openServed({
      routes: watching(async function* ({ signal }) {
        await aborted(signal)
        stopped.resolve(signal)
        yield progress(1)
      }),
      call: { streamLimits: { heartbeatMs } },
    })
    const controller = new AbortController()
    const before = served.connection.stats().outMsgs
    const next = failure(watch(served, controller.signal).next())
    // The request is on its way, and no answer can have come: nothing but microtasks ran.
    for (let turn = 0; turn < 1_000 && served.connection.stats().outMsgs === before; turn += 1) await Promise.resolve()
    expect(served.connection.stats().outMsgs).toBe(before + 1)
    controller.abort()
    expect(await next).toMatchObject({ code: 'canceled' })
    expect((await stopped.promise).reason).toMatchObject({ message: 'the caller canceled the call' })
  })

  it('is noticed by the next heartbeat when its connection is gone', async () => {
    const stopped = Promise.withResolvers<AbortSignal>()
    await using served = await openServed({
      routes: watching(async function* ({ signal }) {
        yield progress(1)
        await aborted(signal)
        stopped.resolve(signal)
      }),
      call: { streamLimits: { heartbeatMs } },
    })
    await watch(served).next()
    const closedAt = performance.now()
    await served.connection.close()
    expect((await stopped.promise).reason).toMatchObject({ code: 'canceled', message: 'the caller is gone' })
    expect(performance.now() - closedAt).toBeLessThan(20 * heartbeatMs)
  })

  it('is noticed after three heartbeats of silence when its network goes dark', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    const stopped = Promise.withResolvers<AbortSignal>()
    await using served = await openServed({
      routes: watching(async function* ({ signal }) {
        yield progress(1)
        await aborted(signal)
        stopped.resolve(signal)
      }),
      call: { streamLimits: { heartbeatMs } },
      clientAddress: proxy.url,
    })
    const iterator = watch(served)
    await iterator.next()
    proxy.hold()
    const frozenAt = performance.now()
    expect((await stopped.promise).reason).toMatchObject({ message: 'the caller is silent' })
    expect(performance.now() - frozenAt).toBeLessThan(30 * heartbeatMs)
    proxy.restore()
    expect(await failure(iterator.next())).toMatchObject({ code: 'unavailable' })
  })
})

describe('the end of a server', () => {
  it('tells its streams to go elsewhere when it is drained', async () => {
    await using served = await openServed({ routes: forever })
    const iterator = watch(served)
    await iterator.next()
    const next = failure(iterator.next())
    await served.server.drain()
    expect(await next).toMatchObject({
      code: 'unavailable',
      message: 'the server is stopping; another one goes on',
    })
  })

  it('is noticed by the next heartbeat when its connection is gone', async () => {
    await using served = await openServed({ routes: forever, call: { streamLimits: { heartbeatMs } } })
    const iterator = watch(served)
    await iterator.next()
    await served.serverConnection.close()
    const closedAt = performance.now()
    expect(await failure(iterator.next())).toMatchObject({ code: 'unavailable' })
    expect(performance.now() - closedAt).toBeLessThan(20 * heartbeatMs)
  })

  it('is noticed after three heartbeats of silence when its network goes dark', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using served = await openServed({
      routes: forever,
      call: { streamLimits: { heartbeatMs } },
      serverAddress: proxy.url,
    })
    const iterator = watch(served)
    await iterator.next()
    proxy.hold()
    const frozenAt = performance.now()
    const error = await failure(iterator.next())
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(error.message).toContain('silent')
    expect(performance.now() - frozenAt).toBeLessThan(30 * heartbeatMs)
    proxy.restore()
  })
})

describe('a broken stream', () => {
  it('fails, and stops its handler, when either side loses NATS for a moment', async () => {
    for (const side of ['clientAddress', 'serverAddress'] as const) {
      await using proxy = await openFaultProxy(inject('natsUrl'))
      const stopped = Promise.withResolvers<void>()
      await using served = await openServed({
        routes: watching(async function* ({ signal }) {
          yield progress(1)
          await aborted(signal)
          stopped.resolve()
        }),
        call: { streamLimits: { heartbeatMs } },
        [side]: proxy.url,
      })
      const iterator = watch(served)
      await iterator.next()
      const next = failure(iterator.next())
      proxy.cut()
      proxy.restore()
      const error = await next
      expect(error).toMatchObject({ code: 'unavailable' })
      if (side === 'clientAddress') expect(error.message).toContain('the connection to NATS was lost')
      await stopped.promise
    }
  })

  it.each([
    ['a frame is missing', [1, 3]],
    ['a frame comes twice', [1, 1]],
    ['the first frame is missing', [2]],
    ['the last frame is missing, by the next heartbeat', [1, 'heartbeat 2']],
  ])('fails with unavailable when %s', async (_name, frames) => {
    const store = freshStore()
    const connection = await openNats()
    const commands: string[] = []
    const control = `test.${store}.`
    const payload = toBinary(WatchResponseSchema, create(WatchResponseSchema, progress(1)))
    connection.subscribe(`${control}*`, { callback: (_error, message) => void commands.push(message.string()) })
    connection.subscribe(`q.${store}.v1.watch.*`, {
      callback(_error, { reply = '' }) {
        connection.publish(reply, '', { reply: `${control}0` })
        for (const frame of frames) {
          const isHeartbeat = typeof frame === 'string'
          const sequence = isHeartbeat ? 2 : frame
          const body = isHeartbeat ? new Uint8Array() : encodeFrame([payload])
          connection.publish(reply, body, { reply: `${control}${sequence}` })
        }
      },
    })
    const client = createClient(WatchService, createNatsTransport({ connection, store }))
    const error = await failure(collect(client.watch({})))
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(error.message).toContain('stream broken')
    await vi.waitFor(() => expect(commands).toContain('cancel'))
    await connection.close()
  })

  it('fails with unavailable when a frame is not one', async () => {
    const store = freshStore()
    const connection = await openNats()
    connection.subscribe(`q.${store}.v1.watch.*`, {
      callback(_error, { reply = '' }) {
        connection.publish(reply, 'nonsense', { reply: `test.${store}.1` })
      },
    })
    const client = createClient(WatchService, createNatsTransport({ connection, store }))
    expect(await failure(collect(client.watch({})))).toMatchObject({ code: 'unavailable' })
    await connection.close()
  })
})

describe('a stream', () => {
  it('fails at once with no_responders if nobody serves it', async () => {
    const connection = await openNats()
    const client = createClient(WatchService, createNatsTransport({ connection, store: freshStore() }))
    expect(await failure(collect(client.watch({})))).toMatchObject({ code: 'no_responders' })
    await connection.close()
  })

  it('stays open without messages, longer than the silence that ends it', async () => {
    const gate = Promise.withResolvers<void>()
    await using served = await openServed({
      routes: watching(async function* () {
        await gate.promise
        yield progress(1)
      }),
      call: { streamLimits: { heartbeatMs } },
    })
    const iterator = watch(served)
    const next = iterator.next()
    const before = served.serverConnection.stats().outMsgs
    await vi.waitFor(() => expect(served.serverConnection.stats().outMsgs - before).toBeGreaterThan(6))
    gate.resolve()
    expect((await next).value?.event.case).toBe('progress')
    expect((await iterator.next()).done).toBe(true)
  })

  it('gives messages that hold no more of what the socket read than their frame', async () => {
    const content = new Uint8Array(10)
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch() {
            const value = { kind: { case: 'binaryFile', value: { content } } } as const
            yield { event: { case: 'notifications', value: { notifications: [{ current: { value } }] } } }
          },
        }),
    })
    const [message] = await collect(createClient(WatchService, served.transport).watch({}))
    const notifications = message?.event.case === 'notifications' ? message.event.value.notifications : []
    const kind = notifications[0]?.current?.value?.kind
    expect(kind?.case === 'binaryFile' ? kind.value.content.buffer.byteLength : Number.NaN).toBeLessThan(1_000)
  })

  it('leaves nothing behind when it ends', async () => {
    const limits = { streamLimits: { heartbeatMs } }
    await using served = await openServed({ routes: watching(async function* () {}), call: limits })
    await using other = await openServed({ routes: forever, call: limits })
    await collect(createClient(WatchService, served.transport).watch({}))
    await vi.waitFor(() => expect(served.server.stats.running).toBe(0))
    const traffic = (): number => served.connection.stats().inMsgs + served.connection.stats().outMsgs
    const before = traffic()
    await watch(other).next()
    const heartbeats = (): number => other.serverConnection.stats().outMsgs
    const first = heartbeats()
    await vi.waitFor(() => expect(heartbeats()).toBeGreaterThan(first + 2))
    expect(traffic()).toBe(before)
  })

  it('refuses calls that are streams of requests', async () => {
    await using served = await openServed({ routes: watching(async function* () {}) })
    const method = { ...WatchService.method.watch, methodKind: 'bidi_streaming' as const }
    const call = served.transport.stream(method, undefined, undefined, undefined, (async function* () {})())
    expect(await failure(call)).toMatchObject({ code: 'unknown_method' })
  })
})
