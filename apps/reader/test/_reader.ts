import { create, type DescService } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  FieldDefinitionSchema,
  HistoryService,
  logSubject,
  QueryService,
  ReadService,
  TypeSchemaSchema,
  ValueType,
  type TypeSchema,
} from '@qcore/contracts'
import type { FieldValue } from '@qcore/model'
import { openRawStore, type RawMutation, type RawStore } from '@qcore/replica/testing'
import { readSettings, type Service } from '@qcore/service'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { inject } from 'vitest'
import { createReader, readerVariables } from '../src/service.ts'

export const authSecret = 'a secret for tests, of more than 32 bytes'

export interface ReadClients {
  readonly read: Client<typeof ReadService>
  readonly readJson: Client<typeof ReadService>
  readonly history: Client<typeof HistoryService>
  readonly queries: Client<typeof QueryService>
}

/** A reader of a store that the test writes by hand, and a client of it. */
export interface TestReader extends AsyncDisposable {
  readonly raw: RawStore
  readonly service: Service
  readonly connection: NatsConnection
  readonly client: Client<typeof ReadService>
  readonly jsonClient: Client<typeof ReadService>
  readonly history: Client<typeof HistoryService>
  /** Of a caller who may read, and no more. */
  readonly readOnlyHistory: Client<typeof HistoryService>
  readonly queries: Client<typeof QueryService>
  /** Clients whose token has permissions. */
  holding(...permissions: string[]): Promise<ReadClients>
  /** Commits, and tells of it. */
  commit(...mutations: RawMutation[]): Promise<bigint>
}

export interface TestReaderOptions {
  /** Before the reader starts. */
  prepare?: (raw: RawStore) => Promise<unknown>
  /** Where the reader finds PostgreSQL. */
  postgresUrl?: string
}

export async function startReader({ prepare, postgresUrl }: TestReaderOptions = {}): Promise<TestReader> {
  const opened = new AsyncDisposableStack()
  const raw = opened.use(await openRawStore(inject('postgresUrl')))
  await prepare?.(raw)
  const connection = await connect({ servers: new URL(inject('natsUrl')).host })
  opened.defer(() => connection.close())
  const settings = readSettings(readerVariables, {
    Q_STORE: raw.store,
    Q_NATS_ADDR: inject('natsUrl'),
    Q_POSTGRES_ADDR: postgresUrl ?? inject('postgresUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_LOG_LEVEL: 'silent',
  })
  const service = opened.use(await createReader(settings))
  const mint = async (level: AccessLevel, scopes: readonly string[] = []): Promise<string> =>
    (await mintToken(authSecret, { subject: 'tester', level, scopes, lifetimeSeconds: 600 })).token
  const [readToken, adminToken] = await Promise.all([mint(AccessLevel.READ), mint(AccessLevel.ADMIN)])
  const clientOf = <S extends DescService>(of: S, { binary = true, token = readToken } = {}): Client<S> =>
    createClient(
      of,
      createNatsTransport({
        connection,
        store: raw.store,
        binary,
        interceptors: [
          (next) => (request) => {
            request.header.set('authorization', `Bearer ${token}`)
            return next(request)
          },
        ],
      }),
    )
  return {
    raw,
    service,
    connection,
    client: clientOf(ReadService),
    jsonClient: clientOf(ReadService, { binary: false }),
    history: clientOf(HistoryService, { token: adminToken }),
    readOnlyHistory: clientOf(HistoryService),
    queries: clientOf(QueryService),
    async holding(...permissions) {
      const scopes = permissions.map((name) => `permission:${name}`)
      const token = await mint(AccessLevel.READ, scopes)
      return {
        read: clientOf(ReadService, { token }),
        readJson: clientOf(ReadService, { token, binary: false }),
        history: clientOf(HistoryService, { token }),
        queries: clientOf(QueryService, { token }),
      }
    },
    async commit(...mutations) {
      const record = await raw.commit(mutations)
      connection.publish(logSubject(raw.store), await raw.batchOf([record]))
      await connection.flush()
      return BigInt(raw.state.revision)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The code and the field of what a call throws. */
export async function failureOf(call: Promise<unknown>): Promise<{ code: string; field: string }> {
  try {
    await call
  } catch (error) {
    const { code, field } = fromConnectError(error)
    return { code, field }
  }
  throw new Error('the call did not fail')
}

export function schemaOf(type: string, fields: Record<string, ValueType>): TypeSchema {
  return create(TypeSchemaSchema, {
    type,
    fields: Object.entries(fields).map(([name, valueType]) =>
      create(FieldDefinitionSchema, {
        name,
        valueType,
        choices: valueType === ValueType.CHOICE ? ['high', 'low', 'mid'] : [],
      }),
    ),
  })
}

export function thing(id: string, parentId: string, values: Record<string, FieldValue> = {}, name = id): RawMutation {
  return { kind: 'create', type: 'Thing', id, parentId, name, values }
}

export const atLeast = (revision: bigint): { demand: { case: 'atLeastRevision'; value: bigint } } => ({
  demand: { case: 'atLeastRevision', value: revision },
})

export const latest = { demand: { case: 'latest', value: true } } as const
