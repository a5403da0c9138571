import { randomBytes } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, LogBatchSchema, TypeSchemaSchema, ValueSchema } from '@qcore/contracts'
import { createLogPartition, migrateStore, openPool, readHead } from '@qcore/database'
import { indexKey, messageFromFieldValue, referencedIds, type EntityState } from '@qcore/model'
import { applyRawCommit, commitTimeUs, type RawMutation, type RawState } from './raw-commit.ts'

export type { RawMutation } from './raw-commit.ts'

type Pool = ReturnType<typeof openPool>

/** A store that a test writes by hand, for what a writer never does: messages that are lost, doubled or late. */
export interface RawStore extends AsyncDisposable {
  readonly store: string
  readonly pool: Pool
  /** What the store holds. */
  readonly state: RawState
  /** Commits mutations as the next revision; tells nobody. Gives the bytes of the CommitRecord. */
  commit(mutations: readonly RawMutation[]): Promise<Uint8Array>
  /** A message of the log subject, with these commits. */
  batchOf(records: readonly Uint8Array[]): Promise<Uint8Array>
}

/** Revisions that a test may use. */
const mostRevisions = 1_000_000

export async function openRawStore(postgresUrl: string): Promise<RawStore> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const database = { address: postgresUrl, store, applicationName: 'test' }
  await migrateStore(database)
  const pool = openPool({ ...database, max: 2 }, () => undefined)
  await createLogPartition(pool, { from: 1, to: mostRevisions })
  const state: RawState = { types: new Map(), entities: new Map(), revision: 0, nextFieldId: 1, leavesValuesOut: false }
  let last: Promise<Uint8Array> = Promise.resolve(new Uint8Array())
  return {
    store,
    pool,
    state,
    commit(mutations) {
      last = last.then(async () => {
        const before = new Map(state.entities)
        const record = applyRawCommit(state, mutations)
        await storeCommit(pool, { state, before, record })
        return record
      })
      return last
    },
    async batchOf(records) {
      const { logId } = await readHead(pool)
      const commits = records.map((record) => fromBinary(CommitRecordSchema, record))
      const firstRevision = commits[0]?.revision ?? 0n
      const lastRevision = commits.at(-1)?.revision ?? 0n
      return toBinary(LogBatchSchema, create(LogBatchSchema, { logId, firstRevision, lastRevision, commits }))
    },
    async [Symbol.asyncDispose]() {
      await pool.query(`drop schema ${store} cascade`)
      await pool.end()
    },
  }
}

async function storeCommit(
  pool: Pool,
  { state, before, record }: { state: RawState; before: ReadonlyMap<string, EntityState>; record: Uint8Array },
): Promise<void> {
  const client = await pool.connect()
  const query = (text: string, values: unknown[]): Promise<unknown> => client.query(text, values)
  try {
    await client.query('begin')
    await query('update head set revision = $1, next_field_id = $2', [state.revision, state.nextFieldId])
    await query('insert into log (revision, committed_us, record) values ($1, $2, $3)', [
      state.revision,
      commitTimeUs(state.revision),
      Buffer.from(record),
    ])
    for (const { name, schema } of state.types.values()) {
      if (Number(schema.revision) !== state.revision) continue
      const bytes = Buffer.from(toBinary(TypeSchemaSchema, schema))
      await query(
        `insert into former_type (name, schema, since_revision, revision)
         select name, schema, revision, $2 from entity_type where name = $1`,
        [name, state.revision],
      )
      await query(
        `insert into entity_type (name, schema, revision) values ($1, $2, $3)
         on conflict (name) do update set schema = excluded.schema, revision = excluded.revision`,
        [name, bytes, state.revision],
      )
    }
    await deleteTypes(query, state)
    for (const entity of before.values()) {
      if (!state.entities.has(entity.id)) await deleteEntity(query, entity, state.revision)
    }
    for (const entity of state.entities.values()) {
      const previous = before.get(entity.id)
      if (previous !== undefined && previous.structureRevision !== entity.structureRevision) {
        const { id, type, parentId, name, place, createdRevision, structureRevision } = previous
        await query(
          `insert into former_place (
             entity_id, type, parent_id, name, place, created_revision, since_revision, revision)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [id, type, parentId, name, place, createdRevision, structureRevision, state.revision],
        )
      }
      if (previous !== entity) await storeEntity(query, entity, state)
      const alteredRevision = Number(state.types.get(entity.type)?.schema.revision)
      if (previous !== undefined && alteredRevision === state.revision) await retireFields(query, entity, state)
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}

type Query = (text: string, values: unknown[]) => Promise<unknown>

async function deleteTypes(query: Query, { types, revision }: RawState): Promise<void> {
  await query(
    `with gone as (delete from entity_type where not name = any($1::text[]) returning *)
     insert into former_type (name, schema, since_revision, revision) select name, schema, revision, $2 from gone`,
    [[...types.keys()], revision],
  )
}

async function deleteEntity(query: Query, entity: EntityState, revision: number): Promise<void> {
  const { id, type, name, parentId, createdRevision, structureRevision, place } = entity
  await query('delete from entity where id = $1', [id])
  await query('delete from field where entity_id = $1', [id])
  await query('delete from reference where entity_id = $1', [id])
  await query(
    `insert into tombstone (entity_id, revision, type, name, parent_id, created_revision, structure_revision, place)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, revision, type, name, parentId, createdRevision, structureRevision, place],
  )
}

/** Takes away what the type of an entity has no longer. */
async function retireFields(query: Query, entity: EntityState, { types, revision }: RawState): Promise<void> {
  const kept = types.get(entity.type)?.fields.map(({ id }) => id) ?? []
  await query(
    `with gone as (delete from field where entity_id = $1 and not field_id = any($2::int[]) returning *)
     insert into former_field (entity_id, field_id, value, write_time_us, writer, since_revision, revision)
     select entity_id, field_id, value, write_time_us, writer, revision, $3 from gone`,
    [entity.id, kept, revision],
  )
}

async function storeEntity(query: Query, entity: EntityState, { types }: RawState): Promise<void> {
  await query(
    `insert into entity (id, type, name, parent_id, depth, created_revision, structure_revision, place)
     values ($1, $2, $3, $4, 2, $5, $6, $7)
     on conflict (id) do update set name = excluded.name, parent_id = excluded.parent_id,
       structure_revision = excluded.structure_revision, place = excluded.place`,
    [
      entity.id,
      entity.type,
      entity.name,
      entity.parentId,
      entity.createdRevision,
      entity.structureRevision,
      entity.place,
    ],
  )
  await query('delete from reference where entity_id = $1', [entity.id])
  for (const field of types.get(entity.type)?.fields ?? []) {
    const state = entity.fields[field.position]
    if (state === undefined) continue
    await query(
      `insert into reference (target_id, entity_id, field_id) select target, $2, $3 from unnest($1::text[]) target`,
      [referencedIds(field.valueType, state.value), entity.id, field.id],
    )
    const key = field.indexed ? indexKey(field.valueType, state.value) : undefined
    const value = Buffer.from(toBinary(ValueSchema, messageFromFieldValue(field.valueType, state.value)))
    await query(
      `insert into field (entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (entity_id, field_id) do update set
         value = excluded.value, write_time_us = excluded.write_time_us, writer = excluded.writer,
         revision = excluded.revision, int_key = excluded.int_key, float_key = excluded.float_key,
         text_key = excluded.text_key`,
      [
        entity.id,
        field.id,
        value,
        state.writeTimeUs,
        state.writer,
        state.revision,
        key?.kind === 'int' ? key.key : null,
        key?.kind === 'float' ? key.key : null,
        key?.kind === 'text' ? Buffer.from(key.key) : null,
      ],
    )
  }
}
