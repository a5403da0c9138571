import { createClient, type Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel, ConfigService, type WatchConfigRequest, type WatchConfigResponse } from '@qcore/contracts'
import { openSyncConfig, platformTable, type SyncConfig } from '@qcore/sync-config'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { expect, inject } from 'vitest'
import { authSecret, openConnection, startNotifier } from './_notifier.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

export type ConfigClient = Client<typeof ConfigService>
type Event = WatchConfigResponse['event']

/** The configuration of a store, with its notifier and an instance that follows it in PostgreSQL. */
export interface TestConfig extends AsyncDisposable {
  readonly connection: NatsConnection
  readonly written: WrittenStore
  readonly instance: SyncConfig
  /** Of level admin. */
  readonly config: ConfigClient
  clientOf(level: AccessLevel, scopes?: readonly string[], store?: string): Promise<ConfigClient>
  /** Puts a value, and gives its revision. */
  put(key: string, value: unknown): Promise<bigint>
}

export async function startConfig(): Promise<TestConfig> {
  await using opened = new AsyncDisposableStack()
  const connection = await openConnection()
  opened.defer(() => connection.close())
  const written = opened.use(await createWrittenStore(connection))
  opened.use(await startNotifier(written.store, { Q_INSTANCE_ID: 'one' }))
  const instance = await openSyncConfig({
    address: inject('postgresUrl'),
    schema: written.store,
    tableName: platformTable,
    instanceId: 'library',
  })
  opened.defer(() => instance.shutdown())
  const clientOf: TestConfig['clientOf'] = async (level, scopes = [], store = written.store) => {
    const { token } = await mintToken(authSecret, { subject: 'ada', level, scopes, lifetimeSeconds: 600 })
    const transport = createNatsTransport({
      connection,
      store,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${token}`)
          return next(request)
        },
      ],
    })
    return createClient(ConfigService, transport)
  }
  const config = await clientOf(AccessLevel.ADMIN)
  const owned = opened.move()
  return {
    connection,
    written,
    instance,
    config,
    clientOf,
    put: async (key, value) => (await config.putConfig({ put: { key, value: JSON.stringify(value) } })).configRevision,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Expects a call to fail with a code, and with the field that it names. */
export async function expectProblem(call: Promise<unknown>, code: string, field = ''): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => fromConnectError(reason),
  )
  expect(error).toMatchObject({ code, ...(field === '' ? {} : { field }) })
}

/** A watch whose responses a test takes one by one; progress marks are passed over. */
export class ConfigWatching implements AsyncDisposable {
  readonly #abort = new AbortController()
  readonly #responses: AsyncIterator<WatchConfigResponse>

  constructor(client: ConfigClient, request: Partial<Omit<WatchConfigRequest, '$typeName'>>) {
    this.#responses = client.watchConfig(request, { signal: this.#abort.signal })[Symbol.asyncIterator]()
  }

  async next(): Promise<Event> {
    for (;;) {
      const result = await this.#responses.next().catch((error: unknown) => {
        throw fromConnectError(error)
      })
      if (result.done === true) throw new Error('the watch ended without an error')
      if (result.value.event.case !== 'progress') return result.value.event
    }
  }

  /** The next changes, as keys and values. */
  async changes(): Promise<{ revision: bigint; changes: [key: string, value: unknown, previous: unknown][] }> {
    const event = await this.next()
    if (event.case !== 'changes') throw new Error(`a response is ${event.case}`)
    const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
    const { configRevision: revision, changes } = event.value
    return { revision, changes: changes.map(({ key, value, previous }) => [key, parse(value), parse(previous)]) }
  }

  async live(): Promise<bigint> {
    const event = await this.next()
    if (event.case !== 'live') throw new Error(`a response is ${event.case}`)
    return event.value.configRevision
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#responses.next().catch(() => undefined)
  }
}
