import { createHash } from 'node:crypto'
import { fromJsonString } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import { AccessLevel, SnapshotLineSchema, SnapshotService, ValueType, type SnapshotLine } from '@qcore/contracts'
import { createNatsTransport } from '@qcore/transport'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { authSecret, failureOf, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let reader: TestReader
let snapshots: Client<typeof SnapshotService>

beforeEach(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      await raw.commit([
        { kind: 'schema', schema: schemaOf('Root', {}) },
        { kind: 'create', type: 'Root', id: 'root', parentId: '', name: 'Root', values: {} },
      ])
      await raw.commit([{ kind: 'schema', schema: schemaOf('Thing', fieldTypes) }])
    },
  })
  snapshots = await clientOf(AccessLevel.ADMIN)
})
afterEach(() => reader[Symbol.asyncDispose]())

/** Things t0, t1, … with a count of 1, as the next revision. Some 300 bytes each. */
async function makeMany(count: number): Promise<void> {
  const { pool, state } = reader.raw
  const field = state.types.get('Thing')?.fields[0]?.id ?? 0
  await pool.query(
    `with made as (
       insert into entity (id, type, name, parent_id, depth, created_revision)
       select 't' || n, 'Thing', repeat('n', 200), 'root', 2, 3 from generate_series(0, $1 - 1) n returning id)
     insert into field (entity_id, field_id, value, write_time_us, writer, revision)
     select id, $2, '\\x0801', 0, 'ada', 3 from made`,
    [count, field],
  )
  await pool.query('update head set revision = 3')
}

const fieldTypes = {
  Count: ValueType.INT,
  Label: ValueType.STRING,
  Picture: ValueType.BINARY_FILE,
  Peers: ValueType.ENTITY_LIST,
}

async function clientOf(level: AccessLevel): Promise<Client<typeof SnapshotService>> {
  const { token } = await mintToken(authSecret, { subject: 'ada', level, scopes: [], lifetimeSeconds: 600 })
  const { connection, raw } = reader
  const transport = createNatsTransport({
    connection,
    store: raw.store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  return createClient(SnapshotService, transport)
}

async function save(): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const { content } of snapshots.saveSnapshot({})) pieces.push(content)
  return Buffer.concat(pieces)
}

function linesOf(file: Buffer): SnapshotLine[] {
  const text = file.toString()
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => fromJsonString(SnapshotLineSchema, line))
}

describe('a snapshot', () => {
  it('holds all of the store, with times, writers and revisions', async () => {
    const content = new Uint8Array([0, 255, 10])
    await reader.commit(
      thing('a', 'root', { Count: -5n, Label: 'line\nfeed "ü"', Picture: { mediaType: 'image/png', content } }),
      thing('b', 'a', { Peers: ['a', 'root'] }),
    )
    const lines = linesOf(await save())
    expect(lines[0]?.header).toMatchObject({ formatVersion: 1, store: reader.raw.store, revision: 3n })
    expect(lines.flatMap(({ schema }) => schema?.type ?? [])).toEqual(['Root', 'Thing'])
    const [a, b, root] = lines.filter(({ entity }) => entity !== undefined)
    expect(a?.entity).toMatchObject({ id: 'a', type: 'Thing', name: 'a', parentId: 'root', createdRevision: 3n })
    expect(a?.fields.map(({ name, value }) => [name, value?.kind.value])).toMatchObject([
      ['Count', -5n],
      ['Label', 'line\nfeed "ü"'],
      ['Picture', { mediaType: 'image/png', content }],
      ['Peers', { entityIds: [] }],
    ])
    expect(b?.fields[3]?.value?.kind.value).toMatchObject({ entityIds: ['a', 'root'] })
    const stored = await reader.client.readFields({ reads: [{ entityId: 'a', path: 'Count' }] })
    const [result] = stored.results
    const { writer, revision, writeTime } = result?.outcome.case === 'field' ? result.outcome.value : {}
    expect(a?.fields[0]).toMatchObject({ writer, revision, writeTime })
    expect(root?.entity).toMatchObject({ id: 'root', parentId: '' })
    expect(lines.at(-1)?.end).toMatchObject({ schemas: 2n, entities: 3n, fields: 8n })
  })

  it('ends with the digest of all that is before', async () => {
    const file = await save()
    const lastLine = file.lastIndexOf('\n', file.length - 2) + 1
    const sha256 = createHash('sha256').update(file.subarray(0, lastLine)).digest('hex')
    expect(linesOf(file).at(-1)?.end?.sha256).toBe(sha256)
  })

  it('belongs to one revision although commits go on', async () => {
    await makeMany(20_000)
    const pieces: Uint8Array[] = []
    for await (const { content, revision } of snapshots.saveSnapshot({})) {
      expect(revision).toBe(3n)
      pieces.push(content)
      if (pieces.length > 1) continue
      await reader.raw.pool.query(
        `with written as (update field set value = '\\x0802' where entity_id = 't9999'),
           gone as (delete from entity where id = 't9998')
         update head set revision = 4`,
      )
    }
    const lines = linesOf(Buffer.concat(pieces))
    const at = lines.findIndex(({ entity }) => entity?.id === 't9999')
    expect(lines[at]?.fields[0]?.value?.kind.value).toBe(1n)
    expect(lines.some(({ entity }) => entity?.id === 't9998')).toBe(true)
  })

  it('carries values of any size, in lines that are continued', async () => {
    const files = [1, 2, 3].map((byte) => new Uint8Array(524_288).fill(byte))
    const label = '\u0001'.repeat(262_144)
    for (const [index, content] of files.entries()) {
      await reader.raw.commit([thing(`f${index}`, 'root', { Label: label, Picture: { mediaType: '', content } })])
    }
    const lines = linesOf(await save())
    for (const [index, content] of files.entries()) {
      const at = lines.findIndex(({ entity }) => entity?.id === `f${index}`)
      const next = lines.findIndex(({ entity, end }, line) => line > at && (entity ?? end) !== undefined)
      const fields = lines.slice(at, next).flatMap((line) => line.fields)
      expect(next - at).toBeGreaterThan(1)
      expect(fields.map(({ name }) => name)).toEqual(['Count', 'Label', 'Picture', 'Peers'])
      expect(fields[1]?.value?.kind.value).toBe(label)
      expect(fields[2]?.value?.kind).toMatchObject({ case: 'binaryFile', value: { content } })
    }
  })
})

describe('a caller of a snapshot', () => {
  it('needs level admin', async () => {
    snapshots = await clientOf(AccessLevel.WRITE)
    expect(await failureOf(save())).toEqual({ code: 'permission_denied', field: 'level' })
  })

  it('that leaves ends the transaction', async () => {
    await makeMany(20_000)
    const leaving = new AbortController()
    const stream = snapshots.saveSnapshot({}, { signal: leaving.signal })[Symbol.asyncIterator]()
    await stream.next()
    expect(await openTransactions()).toBe(1)
    leaving.abort()
    await expect(stream.next()).rejects.toThrow()
    await vi.waitFor(async () => expect(await openTransactions()).toBe(0), { timeout: 5_000 })
  })

  it('is refused while others are served that do not read', async () => {
    await makeMany(20_000)
    const leaving = new AbortController()
    const slow = Array.from({ length: 2 }, () =>
      snapshots.saveSnapshot({}, { signal: leaving.signal })[Symbol.asyncIterator](),
    )
    await Promise.all(slow.map((stream) => stream.next()))
    expect(await failureOf(save())).toEqual({ code: 'overloaded', field: '' })
    leaving.abort()
    await Promise.all(slow.map((stream) => stream.next().catch(() => undefined)))
    await vi.waitFor(async () => expect((await save()).length).toBeGreaterThan(1_000_000), { timeout: 5_000 })
  })

  it('is told when PostgreSQL ends the transaction', async () => {
    await makeMany(20_000)
    const stream = snapshots.saveSnapshot({})[Symbol.asyncIterator]()
    await stream.next()
    await reader.raw.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where state = 'idle in transaction' and application_name like 'qcore-reader%' and datname = current_database()
         and query like '%snapshot_%'`,
    )
    const rest = async (): Promise<void> => {
      while ((await stream.next()).done !== true);
    }
    expect(await failureOf(rest())).toEqual({ code: 'unavailable', field: '' })
    expect((await save()).length).toBeGreaterThan(1_000_000)
  })
})

async function openTransactions(): Promise<number> {
  const { rows } = await reader.raw.pool.query(
    `select from pg_stat_activity a join pg_locks l using (pid)
     where l.relation = 'field'::regclass and a.application_name like 'qcore-reader%'`,
  )
  return rows.length
}

it('a snapshot leaves nothing behind at the connection that the next one uses', async () => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  // Node warns of the eleventh listener.
  for (let count = 0; count < 12; count += 1) await save()
  await new Promise(setImmediate)
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})
