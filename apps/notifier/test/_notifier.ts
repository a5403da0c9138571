import { randomBytes } from 'node:crypto'
import { createClient, type Client } from '@connectrpc/connect'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel, WatchRequestSchema, WatchService, type WatchResponse } from '@qcore/contracts'
import { createLogger, readSettings, type Service } from '@qcore/service'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { inject } from 'vitest'
import { createNotifier, notifierVariables } from '../src/service.ts'

export const authSecret = randomBytes(24).toString('hex')

export function openConnection(url: string = inject('natsUrl')): Promise<NatsConnection> {
  return connect({ servers: new URL(url).host, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
}

/** Starts a notifier of a store on the servers of the run, or on others that `environment` names. */
export function startNotifier(store: string, environment: Record<string, string> = {}): Promise<Service> {
  const config = readSettings(notifierVariables, {
    Q_STORE: store,
    Q_NATS_ADDR: inject('natsUrl'),
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_AUTH_SECRET: authSecret,
    ...environment,
  })
  const logger = createLogger({ service: 'notifier', level: process.env['TEST_LOG'] ?? 'silent', instanceId: 'test' })
  return createNotifier(config, { logger })
}

export async function watchClient(
  connection: NatsConnection,
  store: string,
  scopes: readonly string[] = [],
): Promise<Client<typeof WatchService>> {
  const lifetimeSeconds = 3_600
  const { token } = await mintToken(authSecret, {
    subject: 'watcher',
    level: AccessLevel.READ,
    scopes,
    lifetimeSeconds,
  })
  const transport = createNatsTransport({
    connection,
    store,
    interceptors: [
      (next) => (request) => {
        request.header.set('Authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  return createClient(WatchService, transport)
}

/** A call of Watch whose responses a test takes one by one. */
export class Watching implements AsyncDisposable {
  readonly #abort = new AbortController()
  readonly #responses: AsyncIterator<WatchResponse>

  constructor(client: Client<typeof WatchService>, request: MessageInitShape<typeof WatchRequestSchema>) {
    const call = client.watch(create(WatchRequestSchema, request), { signal: this.#abort.signal })
    this.#responses = call[Symbol.asyncIterator]()
  }

  /** The next response. Rejects with the QError that ends the stream. */
  async next(): Promise<WatchResponse['event']> {
    const result = await this.#responses.next().catch((error: unknown) => {
      throw fromConnectError(error)
    })
    if (result.done === true) throw new Error('the stream ended without an error')
    return result.value.event
  }

  /** The revision that the first response names. */
  async live(): Promise<number> {
    const event = await this.next()
    if (event.case !== 'live') throw new Error(`the first response is ${event.case}`)
    return Number(event.value.revision)
  }

  /** The next notifications; progress marks are passed over. */
  async notifications(): Promise<Extract<WatchResponse['event'], { case: 'notifications' }>['value']> {
    for (;;) {
      const event = await this.next()
      if (event.case === 'notifications') return event.value
      if (event.case !== 'progress') throw new Error(`a response is ${event.case}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#responses.next().catch(() => undefined)
  }
}
