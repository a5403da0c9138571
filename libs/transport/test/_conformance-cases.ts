import { create } from '@bufbuild/protobuf'
import {
  Code,
  ConnectError,
  createClient,
  type ConnectRouter,
  type Interceptor,
  type Transport,
} from '@connectrpc/connect'
import { CommitService, ReadService, SubscriptionSchema, WatchService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { expect, vi } from 'vitest'
import { fromConnectError, toConnectError, validationInterceptor } from '../src/index.ts'

/** What a call must do, whatever carries it. */
export interface ConformanceCase {
  name: string
  routes: (router: ConnectRouter) => void
  serverInterceptors?: Interceptor[]
  clientInterceptors?: Interceptor[]
  check: (transport: Transport) => Promise<void>
}

/** Resolves when the signal of a handler is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

async function rejection(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ConnectError)
  return error as ConnectError
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const message of messages) all.push(message)
  return all
}

function progress(revision: bigint): { event: { case: 'progress'; value: { revision: bigint } } } {
  return { event: { case: 'progress', value: { revision } } }
}

const subscription = create(SubscriptionSchema, { target: { case: 'entityId', value: 'a' }, fields: ['Name'] })

function answering(text: string): ConformanceCase['routes'] {
  return (router) => router.service(ReadService, { getStatus: () => ({ store: text, revision: 2n ** 63n }) })
}

const unaryCases: ConformanceCase[] = [
  {
    name: 'a unary call returns the message of the handler, with 64-bit numbers intact',
    routes: answering('main'),
    async check(transport) {
      const answer = await createClient(ReadService, transport).getStatus({})
      expect(answer).toMatchObject({ store: 'main', revision: 2n ** 63n, appliedRevision: 0n, leader: '' })
    },
  },
  {
    name: 'the handler gets the message that was sent',
    routes: (router) =>
      router.service(ReadService, {
        readFields: ({ reads }) => ({ revision: BigInt(reads.length), results: [] }),
        listTypes: ({ consistency }) => ({
          types: consistency?.demand.case === 'atLeastRevision' ? [String(consistency.demand.value)] : [],
        }),
      }),
    async check(transport) {
      const client = createClient(ReadService, transport)
      const reads = [
        { entityId: 'a', path: 'Name' },
        { entityId: 'b', path: 'Owner->Näme' },
      ]
      expect((await client.readFields({ reads })).revision).toBe(2n)
      const consistency = { demand: { case: 'atLeastRevision', value: 12_345_678_901n } } as const
      expect((await client.listTypes({ consistency })).types).toEqual(['12345678901'])
    },
  },
  {
    name: 'an error arrives with its status, message, details and metadata',
    routes: (router) =>
      router.service(ReadService, {
        getSchema() {
          const error = toConnectError(
            new QError('unknown_type', 'no type Träin', { field: 'type', metadata: { known: '3' } }),
          )
          error.metadata.set('x-retry', 'never')
          throw error
        },
      }),
    async check(transport) {
      const error = await rejection(createClient(ReadService, transport).getSchema({ type: 'Train' }))
      expect(error.code).toBe(Code.NotFound)
      expect(error.metadata.get('x-retry')).toBe('never')
      expect(fromConnectError(error)).toMatchObject({
        code: 'unknown_type',
        message: 'no type Träin',
        field: 'type',
        metadata: { known: '3' },
      })
    },
  },
  {
    name: 'a fault of the handler arrives as internal, without its text',
    routes: (router) =>
      router.service(ReadService, {
        getStatus() {
          throw new TypeError('secret of the server')
        },
      }),
    async check(transport) {
      const error = await rejection(createClient(ReadService, transport).getStatus({}))
      expect(error.code).toBe(Code.Internal)
      expect(error.message).not.toContain('secret')
    },
  },
  {
    name: 'a method without a handler is unimplemented',
    routes: answering('main'),
    async check(transport) {
      const error = await rejection(createClient(ReadService, transport).getRoot({}))
      expect(error.code).toBe(Code.Unimplemented)
    },
  },
  {
    name: 'request headers, response headers and trailers pass',
    routes: (router) =>
      router.service(ReadService, {
        getStatus(_request, context) {
          context.responseHeader.set('x-echo', context.requestHeader.get('x-ask') ?? '')
          context.responseHeader.append('x-many', 'one')
          context.responseHeader.append('x-many', 'two')
          context.responseTrailer.set('x-after', context.requestHeader.get('authorization') ?? '')
          return {}
        },
      }),
    async check(transport) {
      let header = new Headers()
      let trailer = new Headers()
      await createClient(ReadService, transport).getStatus(
        {},
        {
          headers: { 'X-Ask': 'why', authorization: 'Bearer t.o.k' },
          onHeader: (received) => (header = received),
          onTrailer: (received) => (trailer = received),
        },
      )
      expect(header.get('x-echo')).toBe('why')
      expect(header.get('x-many')).toBe('one, two')
      expect(header.has('x-after')).toBe(false)
      expect(trailer.get('x-after')).toBe('Bearer t.o.k')
    },
  },
  {
    name: 'interceptors of both sides see the call and may change headers and message',
    routes: (router) =>
      router.service(ReadService, {
        findEntities: ({ cursor }, context) => ({ nextCursor: `${cursor}${context.requestHeader.get('x-by') ?? ''}` }),
      }),
    clientInterceptors: [
      (next) => async (request) => {
        request.header.set('x-by', '-client')
        const response = await next(request)
        return { ...response, header: new Headers({ 'x-seen': request.method.name }) }
      },
    ],
    serverInterceptors: [
      (next) => async (request) => {
        request.header.set('x-by', `${request.header.get('x-by') ?? ''}-server`)
        return next(request)
      },
    ],
    async check(transport) {
      let header = new Headers()
      const client = createClient(ReadService, transport)
      const answer = await client.findEntities({ cursor: 'Train' }, { onHeader: (received) => (header = received) })
      expect(answer.nextCursor).toBe('Train-client-server')
      expect(header.get('x-seen')).toBe('FindEntities')
    },
  },
  {
    name: 'a request that breaks a rule of its proto is refused, and the field named',
    routes: (router) =>
      router.service(ReadService, { readFields: () => ({}) }).service(WatchService, { async *watch() {} }),
    serverInterceptors: [
      (next) => async (request) => {
        try {
          return await next(request)
        } catch (error) {
          throw toConnectError(error)
        }
      },
      validationInterceptor(),
    ],
    async check(transport) {
      const reads = [
        { entityId: 'fine', path: 'Name' },
        { entityId: 'not an id', path: 'Name' },
      ]
      const error = await rejection(createClient(ReadService, transport).readFields({ reads }))
      expect(error.code).toBe(Code.InvalidArgument)
      expect(fromConnectError(error)).toMatchObject({ code: 'invalid_request', field: 'reads[1].entity_id' })
      const stream = createClient(WatchService, transport).watch({ subscriptions: [{ fields: ['Name'] }] })
      const refused = await rejection(collect(stream))
      expect(refused.rawMessage).toContain('subscriptions[0].target')
    },
  },
  {
    name: 'a call ends at its deadline, and so does its handler',
    routes: (router) =>
      router.service(ReadService, {
        async getStatus(_request, context) {
          remainingMs = context.timeoutMs() ?? Number.NaN
          await aborted(context.signal)
          ended.push('deadline')
          return {}
        },
      }),
    async check(transport) {
      const startedAt = performance.now()
      const error = await rejection(createClient(ReadService, transport).getStatus({}, { timeoutMs: 80 }))
      expect(error.code).toBe(Code.DeadlineExceeded)
      expect(performance.now() - startedAt).toBeLessThan(1_000)
      expect(remainingMs).toBeGreaterThan(0)
      expect(remainingMs).toBeLessThanOrEqual(80)
      await vi.waitFor(() => expect(ended.splice(0)).toEqual(['deadline']))
    },
  },
  {
    name: 'a canceled call ends at once, and so does its handler',
    routes: (router) =>
      router.service(CommitService, {
        async commit(_request, context) {
          ended.push('began')
          await aborted(context.signal)
          ended.push('aborted')
          return {}
        },
      }),
    async check(transport) {
      const controller = new AbortController()
      const call = rejection(createClient(CommitService, transport).commit({}, { signal: controller.signal }))
      await vi.waitFor(() => expect(ended).toEqual(['began']))
      controller.abort()
      expect((await call).code).toBe(Code.Canceled)
      await vi.waitFor(() => expect(ended).toEqual(['began', 'aborted']))
      ended.length = 0
    },
  },
  {
    name: 'a call that is canceled before it begins does not reach the handler',
    routes: (router) =>
      router.service(ReadService, {
        getStatus() {
          ended.push('ran')
          return {}
        },
      }),
    async check(transport) {
      const client = createClient(ReadService, transport)
      const error = await rejection(client.getStatus({}, { signal: AbortSignal.abort() }))
      expect(error.code).toBe(Code.Canceled)
      await client.getStatus({})
      expect(ended.splice(0)).toEqual(['ran'])
    },
  },
  {
    name: 'large messages pass both ways',
    routes: (router) => router.service(ReadService, { findEntities: ({ cursor }) => ({ nextCursor: cursor }) }),
    async check(transport) {
      const cursor = 'x'.repeat(500_000)
      const { nextCursor } = await createClient(ReadService, transport).findEntities({ cursor })
      expect(nextCursor === cursor).toBe(true)
    },
  },
]

/** What the handlers of the case that runs did. */
const ended: string[] = []
let remainingMs = Number.NaN

const streamCases: ConformanceCase[] = [
  {
    name: 'a stream delivers all messages in order, with header and trailer',
    routes: (router) =>
      router.service(WatchService, {
        async *watch({ subscriptions }, context) {
          context.responseHeader.set('x-count', String(subscriptions.length))
          for (let revision = 0n; revision < 3_000n; revision += 1n) yield progress(revision)
          context.responseTrailer.set('x-end', 'yes')
        },
      }),
    async check(transport) {
      let header = new Headers()
      let trailer = new Headers()
      const stream = createClient(WatchService, transport).watch(
        { subscriptions: [subscription] },
        { onHeader: (received) => (header = received), onTrailer: (received) => (trailer = received) },
      )
      const revisions = (await collect(stream)).map(({ event }) =>
        event.case === 'progress' ? event.value.revision : -1n,
      )
      expect(revisions).toEqual(Array.from({ length: 3_000 }, (_, index) => BigInt(index)))
      expect(header.get('x-count')).toBe('1')
      expect(trailer.get('x-end')).toBe('yes')
    },
  },
  {
    name: 'a stream without messages ends',
    routes: (router) => router.service(WatchService, { async *watch() {} }),
    async check(transport) {
      expect(await collect(createClient(WatchService, transport).watch({}))).toEqual([])
    },
  },
  {
    name: 'messages come as they are sent, not at the end',
    routes: (router) =>
      router.service(WatchService, {
        async *watch(_request, context) {
          yield progress(1n)
          await aborted(context.signal)
        },
      }),
    async check(transport) {
      const controller = new AbortController()
      const stream = createClient(WatchService, transport).watch({}, { signal: controller.signal })
      const iterator = stream[Symbol.asyncIterator]()
      expect((await iterator.next()).value?.event.case).toBe('progress')
      controller.abort()
      expect((await rejection(iterator.next())).code).toBe(Code.Canceled)
    },
  },
  {
    name: 'the error of a stream arrives after its messages, with details and metadata',
    routes: (router) =>
      router.service(WatchService, {
        async *watch() {
          yield progress(1n)
          const error = toConnectError(new QError('compacted', 'revision 1 is gone', { metadata: { oldest: '7' } }))
          error.metadata.set('x-oldest', '7')
          throw error
        },
      }),
    async check(transport) {
      const iterator = createClient(WatchService, transport).watch({})[Symbol.asyncIterator]()
      expect((await iterator.next()).done).toBe(false)
      const error = await rejection(iterator.next())
      expect(error.code).toBe(Code.OutOfRange)
      expect(error.metadata.get('x-oldest')).toBe('7')
      expect(fromConnectError(error)).toMatchObject({ code: 'compacted', metadata: { oldest: '7' } })
    },
  },
  {
    name: 'a canceled stream stops its handler',
    routes: (router) =>
      router.service(WatchService, {
        async *watch(_request, context) {
          try {
            yield progress(1n)
            await aborted(context.signal)
          } finally {
            ended.push(context.signal.aborted ? 'stopped' : 'ended')
          }
        },
      }),
    async check(transport) {
      const controller = new AbortController()
      const stream = createClient(WatchService, transport).watch({}, { signal: controller.signal })
      const iterator = stream[Symbol.asyncIterator]()
      await iterator.next()
      controller.abort()
      await vi.waitFor(() => expect(ended.splice(0)).toEqual(['stopped']))
    },
  },
  {
    name: 'a stream ends at its deadline, and so does its handler',
    routes: (router) =>
      router.service(WatchService, {
        async *watch(_request, context) {
          yield progress(1n)
          await aborted(context.signal)
          ended.push('stopped')
        },
      }),
    async check(transport) {
      const error = await rejection(collect(createClient(WatchService, transport).watch({}, { timeoutMs: 100 })))
      expect(error.code).toBe(Code.DeadlineExceeded)
      await vi.waitFor(() => expect(ended.splice(0)).toEqual(['stopped']))
    },
  },
]

export const conformanceCases: readonly ConformanceCase[] = [...unaryCases, ...streamCases]
