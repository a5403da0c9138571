import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  AlterStepSchema,
  ChildOrder,
  FieldDefinitionSchema,
  logSubject,
  TypeSchemaSchema,
  ValueType,
  type TypeSchema,
} from '@qcore/contracts'
import type { EntityState } from '@qcore/model'
import { createLogger } from '@qcore/service'
import { inject } from 'vitest'
import { openReplica, type Replica, type ReplicaOptions } from '../src/index.ts'
import { openRawStore, type RawMutation, type RawStore } from '../src/testing.ts'

export const silent = createLogger({ service: 'test', level: 'silent', instanceId: 'test' })

export function openConnection(url: string = inject('natsUrl')): Promise<NatsConnection> {
  return connect({ servers: new URL(url).host, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
}

/** An entity as a plain object, to be compared. */
export function plain(entity: EntityState | null | undefined): EntityState | null | undefined {
  if (entity === null || entity === undefined) return entity
  const { id, type, name, parentId, createdRevision, structureRevision, place, fields } = entity
  return { id, type, name, parentId, createdRevision, structureRevision, place, fields: [...fields] }
}

/** A type with a field of each kind that matters here. */
export function personSchema(moreFields: string[] = [], hasOrderedChildren = false): TypeSchema {
  const fields: [string, ValueType][] = [
    ['Age', ValueType.INT],
    ['Nick', ValueType.STRING],
    ['Boss', ValueType.ENTITY_REFERENCE],
    ['Friends', ValueType.ENTITY_LIST],
    ['Mood', ValueType.CHOICE],
    ...moreFields.map((name): [string, ValueType] => [name, ValueType.STRING]),
  ]
  return create(TypeSchemaSchema, {
    type: 'Person',
    childOrder: hasOrderedChildren ? ChildOrder.EXPLICIT : ChildOrder.NAME,
    fields: fields.map(([name, valueType]) =>
      create(FieldDefinitionSchema, { name, valueType, choices: valueType === ValueType.CHOICE ? ['ok', 'bad'] : [] }),
    ),
  })
}

export function person(id: string, parentId: string, name = id): RawMutation {
  return { kind: 'create', type: 'Person', id, parentId, name }
}

export function write(id: string, field: string, value: bigint | string | string[]): RawMutation {
  return { kind: 'write', id, field, value }
}

type Step = MessageInitShape<typeof AlterStepSchema>['kind']

/** Alters the type Person. */
export function alter(...kinds: Step[]): RawMutation {
  const steps = kinds.map((kind) => create(AlterStepSchema, kind === undefined ? {} : { kind }))
  return { kind: 'alter', type: 'Person', steps }
}

export function rename(field: string, name: string): Step {
  return { case: 'renameField', value: { field, name } }
}

export function retype(name: string, valueType: ValueType, more: object = {}): Step {
  return { case: 'retypeField', value: { field: { name, valueType, ...more } } }
}

/** A store with a root of type Person, and a connection. */
export interface TestStore extends AsyncDisposable {
  readonly raw: RawStore
  readonly connection: NatsConnection
  /** Commits, and tells of it. */
  commit(...mutations: RawMutation[]): Promise<number>
  /** Commits, and tells nobody. */
  commitSilently(...mutations: RawMutation[]): Promise<Uint8Array>
  /** Tells of commits. */
  publish(...records: Uint8Array[]): Promise<void>
  openReplica(options?: Partial<ReplicaOptions>): Promise<Replica>
}

export async function createTestStore(): Promise<TestStore> {
  const raw = await openRawStore(inject('postgresUrl'))
  const connection = await openConnection()
  const publish = async (...records: Uint8Array[]): Promise<void> => {
    connection.publish(logSubject(raw.store), await raw.batchOf(records))
    await connection.flush()
  }
  await raw.commit([{ kind: 'schema', schema: personSchema() }])
  await raw.commit([person('root', '')])
  return {
    raw,
    connection,
    async commit(...mutations) {
      await publish(await raw.commit(mutations))
      return raw.state.revision
    },
    commitSilently: (...mutations) => raw.commit(mutations),
    publish,
    openReplica: (options = {}) =>
      openReplica({ connection, pool: raw.pool, store: raw.store, logger: silent, cacheBytes: 10_000_000, ...options }),
    async [Symbol.asyncDispose]() {
      await connection.close()
      await raw[Symbol.asyncDispose]()
    },
  }
}

export const caller = { signal: AbortSignal.timeout(60_000) }
