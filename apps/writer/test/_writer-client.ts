import { randomBytes } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  CommitService,
  MutationSchema,
  TypeSchemaSchema,
  type CommitRecord,
  type CommitRequestSchema,
  type CommitResponse,
  type Mutation,
  ValueSchema,
  type WriteFieldSchema,
} from '@qcore/contracts'
import { loadEntities, loadLogAfter, openPool, type EntityRow, type Pool } from '@qcore/database'
import { createLogger, openNats, readSettings } from '@qcore/service'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, inject } from 'vitest'
import { writerVariables, type WriterConfig } from '../src/service.ts'

export const authSecret = 'secret-of-the-tests-of-the-writer-0123456789'

export const silent = createLogger({
  service: 'writer',
  level: process.env['TEST_LOG'] ?? 'silent',
  instanceId: 'test',
})

/** A store of its own, and what tests use to look at it and to commit to it. */
export interface TestStore extends AsyncDisposable {
  readonly store: string
  readonly connection: NatsConnection
  readonly pool: Pool
  /** With level admin. */
  readonly commits: Client<typeof CommitService>
  clientOf(subject: string, level: AccessLevel, scopes?: readonly string[]): Promise<Client<typeof CommitService>>
  rootId(): Promise<string>
  entity(id: string): Promise<EntityRow | undefined>
  log(): Promise<CommitRecord[]>
}

export function uniqueStore(): string {
  return `test_${randomBytes(6).toString('hex')}`
}

export function writerEnvironment(store: string, env: Record<string, string> = {}): Record<string, string> {
  return {
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_INSTANCE_ID: `test-${randomBytes(4).toString('hex')}`,
    ...env,
  }
}

export function writerConfig(store: string, env: Record<string, string> = {}): WriterConfig {
  return readSettings(writerVariables, writerEnvironment(store, env))
}

/** Opens what tests need of a store that a writer has made, or will make. */
export async function openTestStore(store: string, natsUrl = inject('natsUrl')): Promise<TestStore> {
  await using opened = new AsyncDisposableStack()
  const connection = await openNats(natsUrl, { name: 'test' })
  opened.defer(() => connection.close())
  const pool = openPool({ address: inject('postgresUrl'), store, applicationName: 'test', max: 4 }, () => undefined)
  opened.defer(() => pool.end())
  opened.defer(() => dropStore(pool, store))
  const clientOf = async (
    subject: string,
    level: AccessLevel,
    scopes: readonly string[] = [],
  ): Promise<Client<typeof CommitService>> => {
    const { token } = await mintToken(authSecret, { subject, level, scopes, lifetimeSeconds: 600 })
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
    return createClient(CommitService, transport)
  }
  const commits = await clientOf('tester', AccessLevel.ADMIN)
  const owned = opened.move()
  return {
    store,
    connection,
    pool,
    commits,
    clientOf,
    rootId: async () => {
      const { rows } = await pool.query<{ id: string }>(`select id from entity where parent_id = ''`)
      return rows[0]?.id ?? ''
    },
    entity: async (id) => (await loadEntities(pool, [id])).entities[0],
    log: () => loadLogAfter(pool, 0, 100_000),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function dropStore(pool: Pool, store: string): Promise<void> {
  await pool.query('set lock_timeout = 2000')
  await pool.query(`drop schema if exists ${store} cascade`)
}

export type RequestInit = MessageInitShape<typeof CommitRequestSchema>
export type ValueInit = MessageInitShape<typeof ValueSchema>['kind']
export type WriteInit = Omit<MessageInitShape<typeof WriteFieldSchema>, '$typeName'>

/** A mutation that writes a field. */
export function write(
  entityId: string,
  field: string,
  kind: NonNullable<ValueInit>,
  more: Partial<WriteInit> = {},
): Mutation {
  const value = create(ValueSchema, { kind })
  return create(MutationSchema, { kind: { case: 'writeField', value: { entityId, field, value, ...more } } })
}

/** A mutation that creates an entity. */
export function createEntity(type: string, parentId: string, name: string, more: object = {}): Mutation {
  return create(MutationSchema, { kind: { case: 'createEntity', value: { type, parentId, name, ...more } } })
}

/** A mutation that deletes an entity. */
export function deleteEntity(entityId: string): Mutation {
  return create(MutationSchema, { kind: { case: 'deleteEntity', value: { entityId } } })
}

/** A mutation that sets a schema. */
export function setSchema(schema: MessageInitShape<typeof TypeSchemaSchema>): Mutation {
  return create(MutationSchema, { kind: { case: 'setSchema', value: { schema: create(TypeSchemaSchema, schema) } } })
}

/** The ids that a commit's results name, in order. */
export function resultIds(response: CommitResponse): string[] {
  return response.results.map(({ entityId }) => entityId)
}

/** Expects a call to fail with a code, and with the field that it names. */
export async function expectProblem(call: Promise<unknown>, code: string, field?: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => fromConnectError(reason),
  )
  expect({ code: error?.code, ...(field === undefined ? {} : { field: error?.field }) }).toEqual({
    code,
    ...(field === undefined ? {} : { field }),
  })
}

/** What may be tried again; after the last two only what has a key, or changes nothing. */
const retryableCodes = ['no_responders', 'not_leader', 'unavailable', 'deadline_exceeded', 'outcome_unknown']

/** Repeats a call while nobody serves it. */
export async function whenServed<T>(call: () => Promise<T>, timeoutMs = 30_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const { code } = fromConnectError(error)
      if (performance.now() > deadline || !retryableCodes.includes(code)) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
