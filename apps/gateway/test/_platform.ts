import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect'
import { accessInterceptor, createTokenVerifier, secretOnly } from '@qcore/access'
import {
  CommitService,
  ReadService,
  TokenService,
  WatchService,
  type WatchRequest,
  type WatchResponseSchema,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { serveNats, validationInterceptor } from '@qcore/transport'

/** Services of a store that answer what tests ask for by entity id and resume revision. */
export interface Platform extends AsyncDisposable {
  /** The headers of the requests that arrived, newest last. */
  readonly seen: Headers[]
  /** Why handlers were told to stop, newest last. */
  readonly ended: string[]
  /** Stops one of the services. */
  stop(name: 'reader' | 'writer' | 'notifier' | 'auth'): Promise<void>
}

/** Sends this many notifications of 100 KiB each, as fast as they are taken. */
export const floodRevision = 7n
/** Ends with an error after the first response. */
export const failRevision = 8n
const floodLength = 400
const floodBytes = 102_400

export async function startPlatform(connection: NatsConnection, store: string, secret: string): Promise<Platform> {
  const seen: Headers[] = []
  const ended: string[] = []
  const verifier = createTokenVerifier(secret, secretOnly)
  const note = ({ requestHeader, signal }: HandlerContext): void => {
    seen.push(requestHeader)
    signal.addEventListener('abort', () => ended.push(String(signal.reason)))
  }
  const serve = (name: string, routes: (router: ConnectRouter) => void) =>
    serveNats({
      connection,
      store,
      name: `qcore-${name}`,
      version: '0.0.1',
      instanceId: `${name}-of-${store}`,
      routes,
      interceptors: [
        accessInterceptor({ verifier, store, unchecked: ['qcore.auth.v1.TokenService/MintToken'] }),
        validationInterceptor(),
      ],
    })
  const servers = {
    reader: await serve('reader', (router) => registerReader(router, store, note)),
    writer: await serve('writer', (router) => {
      router.service(CommitService, { commit: async (request) => ({ revision: BigInt(request.mutations.length) }) })
    }),
    notifier: await serve('notifier', (router) => {
      router.service(WatchService, { watch: (request, context) => (note(context), watch(request, context)) })
    }),
    auth: await serve('auth', (router) => {
      router.service(TokenService, {
        mintToken: (_, { requestHeader }) => ({ token: `minted for ${requestHeader.get('authorization')}` }),
      })
    }),
  }
  return {
    seen,
    ended,
    stop: async (name) => servers[name][Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()))
    },
  }
}

function registerReader(router: ConnectRouter, store: string, note: (context: HandlerContext) => void): void {
  router.service(ReadService, {
    getStatus: (_, context) => {
      note(context)
      context.responseHeader.set('x-answered-by', 'reader')
      context.responseTrailer.set('x-cost', '7')
      return { store, revision: 9_007_199_254_740_993n }
    },
    async readFields({ reads }, context) {
      note(context)
      const [read] = reads
      if (read?.entityId === 'missing')
        throw new QError('unknown_entity', 'no entity missing', { field: 'reads[0].entity_id' })
      if (read?.entityId === 'broken') throw new TypeError('a secret of the service')
      if (read?.entityId === 'slow') await delay(10_000, undefined, { signal: context.signal, ref: false })
      if (read?.entityId === 'pause') await delay(Number(read.path), undefined, { signal: context.signal })
      const results = reads.map(({ entityId, path }) => ({
        outcome: {
          case: 'field',
          value: { value: { kind: { case: 'string', value: `${entityId}.${path}` } } },
        } as const,
      }))
      return { revision: 5n, results }
    },
  })
}

async function* watch(
  { resumeAfter }: WatchRequest,
  { signal, responseHeader, responseTrailer }: HandlerContext,
): AsyncGenerator<MessageInitShape<typeof WatchResponseSchema>> {
  responseHeader.set('x-answered-by', 'notifier')
  responseTrailer.set('x-cost', '9')
  yield { event: { case: 'live', value: { revision: resumeAfter ?? 1n, logId: 'log' } } }
  if (resumeAfter === failRevision) throw new QError('compacted', 'the log begins later', { field: 'resume_after' })
  if (resumeAfter === 0n) return
  if (resumeAfter === floodRevision) {
    const notifications = [{ current: { value: { kind: { case: 'string', value: 'x'.repeat(floodBytes) } as const } } }]
    for (let sent = 0; sent < floodLength; sent += 1) {
      yield { event: { case: 'notifications', value: { revision: BigInt(sent), notifications } } }
    }
    return
  }
  for (let revision = 2n; ; revision += 1n) {
    yield { event: { case: 'progress', value: { revision } } }
    await delay(10, undefined, { signal })
  }
}
