import { randomBytes } from 'node:crypto'
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  CommitRecordSchema,
  type FieldDefinitionSchema,
  LogBatchSchema,
  logSubject,
  TypeSchemaSchema,
  ValueSchema,
  type Change,
  type CommitRecord,
} from '@qcore/contracts'
import { createLogPartition, migrateStore, openPool, readHead } from '@qcore/database'
import { completeSchema, timestampFromMicros, typeModelFromSchema, type TypeModel } from '@qcore/model'
import { inject } from 'vitest'

type Pool = ReturnType<typeof openPool>

/** A store whose log a test writes by hand: what a writer would never do can happen in it. */
export interface RawStore extends AsyncDisposable {
  readonly store: string
  readonly pool: Pool
  /** Creates a type; outside of the log, as if that had been compacted. */
  addType(type: string, fields: MessageInitShape<typeof FieldDefinitionSchema>[]): Promise<void>
  /** Creates an entity with defaults; outside of the log too. */
  addEntity(entity: { id: string; type: string; name: string; parentId: string }): Promise<void>
  /** Appends commits to the log, and tells of them unless they are to be lost on the way. Gives the last revision. */
  append(commits: Change[][], options?: { publish?: boolean }): Promise<number>
}

const commitTimeUs = 1_767_225_600_000_000
const address = (): string => inject('postgresUrl')

export async function createRawStore(connection: NatsConnection): Promise<RawStore> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const database = { address: address(), store, applicationName: 'test' }
  await migrateStore(database)
  const pool = openPool({ ...database, max: 2 }, () => undefined)
  await createLogPartition(pool, { from: 1, to: 1_000_000 })
  const types = new Map<string, TypeModel>()
  let nextFieldId = 1
  return {
    store,
    pool,
    async addType(type, fields) {
      const request = create(TypeSchemaSchema, { type, fields })
      const schema = completeSchema(request, { previous: undefined, nextFieldId, path: '' })
      nextFieldId += fields.length
      types.set(type, typeModelFromSchema(schema))
      const bytes = Buffer.from(toBinary(TypeSchemaSchema, schema))
      await pool.query('insert into entity_type (name, schema, revision) values ($1, $2, 0)', [type, bytes])
    },
    async addEntity({ id, type, name, parentId }) {
      await pool.query(
        'insert into entity (id, type, name, parent_id, depth, created_revision) values ($1, $2, $3, $4, 2, 0)',
        [id, type, name, parentId],
      )
      for (const { id: fieldId, name: field } of types.get(type)?.fields ?? []) {
        const definition = types.get(type)?.schema.fields.find((known) => known.name === field)
        const value = Buffer.from(toBinary(ValueSchema, definition?.defaultValue ?? create(ValueSchema)))
        await pool.query(
          `insert into field (entity_id, field_id, value, write_time_us, writer, revision) values ($1, $2, $3, 0, '', 0)`,
          [id, fieldId, value],
        )
      }
    },
    async append(commits, { publish = true } = {}) {
      const { revision, logId } = await readHead(pool)
      const records = commits.map((changes, index) => commitRecord(revision + index + 1, changes))
      await storeRecords(pool, records, types)
      const last = revision + records.length
      const batch = { logId, firstRevision: BigInt(revision + 1), lastRevision: BigInt(last), commits: records }
      if (publish) {
        connection.publish(logSubject(store), toBinary(LogBatchSchema, create(LogBatchSchema, batch)))
        await connection.flush()
      }
      return last
    },
    async [Symbol.asyncDispose]() {
      await pool.query(`drop schema ${store} cascade`)
      await pool.end()
    },
  }
}

function commitRecord(revision: number, changes: Change[]): CommitRecord {
  const commitTime = timestampFromMicros(commitTimeUs + revision)
  return create(CommitRecordSchema, { revision: BigInt(revision), epoch: 1n, commitTime, writer: 'tester', changes })
}

/** The log, the fields and the head, in one transaction. */
async function storeRecords(pool: Pool, records: CommitRecord[], types: Map<string, TypeModel>): Promise<void> {
  const revisions = records.map(({ revision }) => Number(revision))
  const times = revisions.map((revision) => commitTimeUs + revision)
  const bytes = records.map((record) => Buffer.from(toBinary(CommitRecordSchema, record)))
  // Of several writes to a field, the last is what it holds.
  const written = new Map<string, unknown[]>()
  for (const { revision, changes } of records) {
    for (const { kind } of changes) {
      if (kind.case !== 'fieldChanged') continue
      const { entityId, entityType, name, value } = kind.value
      const fieldId = types.get(entityType)?.fieldsByName.get(name)?.id
      const valueBytes = Buffer.from(toBinary(ValueSchema, value ?? create(ValueSchema)))
      written.set(`${entityId} ${name}`, [
        entityId,
        fieldId,
        valueBytes,
        commitTimeUs + Number(revision),
        Number(revision),
      ])
    }
  }
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query(
      'insert into log (revision, committed_us, record) select * from unnest($1::bigint[], $2::bigint[], $3::bytea[])',
      [revisions, times, bytes],
    )
    for (const row of written.values()) {
      await client.query(
        `update field set value = $3, write_time_us = $4, writer = 'tester', revision = $5
         where entity_id = $1 and field_id = $2`,
        row,
      )
    }
    await client.query('update head set revision = $1', [revisions.at(-1)])
    await client.query('commit')
  } finally {
    client.release()
  }
}
