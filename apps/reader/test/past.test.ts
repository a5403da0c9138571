import { create } from '@bufbuild/protobuf'
import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { AlterStepSchema, ValueType, type Consistency } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { failureOf, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let reader: TestReader
/** By name: the revisions of the commits. */
let at: Record<'empty' | 'created' | 'moved' | 'changed' | 'deleted', bigint>

beforeAll(async () => {
  reader = await startReader()
  const schema = { Count: ValueType.INT, Next: ValueType.ENTITY_REFERENCE, All: ValueType.ENTITY_LIST }
  await reader.commit({ kind: 'schema', schema: schemaOf('Thing', schema) })
  const created = await reader.commit(
    thing('root', '', {}, 'Top'),
    thing('a', 'root', { Count: 1n, Next: 'b', All: ['c', 'b'] }),
    thing('b', 'root', { Count: 2n }),
    thing('c', 'root', { Count: 3n }),
  )
  const moved = await reader.commit({ kind: 'write', id: 'a', field: 'Next', value: 'c' })
  const changed = await reader.commit(
    { kind: 'schema', schema: schemaOf('Thing', { ...schema, More: ValueType.STRING }) },
    { kind: 'schema', schema: schemaOf('Later', {}) },
    { kind: 'write', id: 'b', field: 'Count', value: 20n },
    { kind: 'write', id: 'a', field: 'All', value: [] },
  )
  const deleted = await reader.commit({ kind: 'delete', id: 'c' }, thing('d', 'root'))
  at = { empty: 0n, created, moved, changed, deleted }
})

afterAll(() => reader[Symbol.asyncDispose]())

type Demand = { demand: NonNullable<Consistency['demand']> }
const asOf = (value: bigint): Demand => ({ demand: { case: 'asOfRevision', value } })
const asOfTime = (value: Timestamp): Demand => ({ demand: { case: 'asOfTime', value } })

async function readAt(consistency: Demand, entityId: string, path: string): Promise<unknown> {
  const { results } = await reader.client.readFields({ reads: [{ entityId, path }], consistency })
  const outcome = results[0]?.outcome
  return outcome?.case === 'field' ? outcome.value.value?.kind.value : outcome?.value?.code
}

test('a field is what it was, along every step of its path', async () => {
  const values = async (path: string): Promise<unknown[]> =>
    Promise.all([at.empty, at.created, at.moved, at.changed, at.deleted].map((each) => readAt(asOf(each), 'a', path)))
  expect(await values('Count')).toEqual(['unknown_entity', 1n, 1n, 1n, 1n])
  expect(await values('Next->Name')).toEqual(['unknown_entity', 'b', 'c', 'c', 'broken_path'])
  expect(await values('All->1->Count')).toEqual(['unknown_entity', 2n, 2n, 'broken_path', 'broken_path'])
  expect(await values('Parent->b->Count')).toEqual(['unknown_entity', 2n, 2n, 20n, 20n])
  expect(await values('More')).toEqual(['unknown_entity', 'unknown_field', 'unknown_field', '', ''])
})

test('an answer carries its revision, and a field who wrote it when', async () => {
  const { revision, results } = await reader.client.readFields({
    reads: [{ entityId: 'b', path: 'Count' }],
    consistency: asOf(at.moved),
  })
  expect(revision).toBe(at.moved)
  expect(results[0]?.outcome.value).toMatchObject({ revision: at.created, writer: `writer-${at.created % 3n}` })
  const json = await reader.jsonClient.readFields({
    reads: [{ entityId: 'b', path: 'Count' }],
    consistency: asOf(at.moved),
  })
  expect(json).toEqual(
    await reader.client.readFields({ reads: [{ entityId: 'b', path: 'Count' }], consistency: asOf(at.moved) }),
  )
})

test('entities, the root and what exists are those of then', async () => {
  const consistency = asOf(at.created)
  const { results } = await reader.client.getEntities({ entityIds: ['c', 'd'], consistency })
  expect(results.map(({ outcome }) => outcome.case)).toEqual(['entity', 'problem'])
  expect((await reader.client.getRoot({ consistency })).root?.name).toBe('Top')
  expect(await failureOf(reader.client.getRoot({ consistency: asOf(0n) }))).toMatchObject({ code: 'unknown_entity' })
  const questions = [
    { subject: { case: 'entityId' as const, value: 'c' } },
    { subject: { case: 'entityId' as const, value: 'd' } },
    { subject: { case: 'type' as const, value: 'Later' } },
    { subject: { case: 'typeField' as const, value: { type: 'Thing', field: 'More' } } },
  ]
  const existsAt = async (revision: bigint): Promise<boolean[]> =>
    (await reader.client.checkExists({ questions, consistency: asOf(revision) })).exists
  expect(await existsAt(at.created)).toEqual([true, false, false, false])
  expect(await existsAt(at.deleted)).toEqual([false, true, true, true])
})

test('types and schemas are those of then', async () => {
  expect((await reader.client.listTypes({ consistency: asOf(0n) })).types).toEqual([])
  expect((await reader.client.listTypes({ consistency: asOf(at.moved) })).types).toEqual(['Thing'])
  expect((await reader.client.listTypes({ consistency: asOf(at.changed) })).types).toEqual(['Later', 'Thing'])
  const { schema, revision } = await reader.client.getSchema({ type: 'Thing', consistency: asOf(at.moved) })
  expect(schema?.fields.map(({ name }) => name)).toEqual(['Count', 'Next', 'All'])
  expect([schema?.revision, revision]).toEqual([1n, at.moved])
  expect(await failureOf(reader.client.getSchema({ type: 'Later', consistency: asOf(at.moved) }))).toEqual({
    code: 'unknown_type',
    field: 'type',
  })
})

test('children are listed as they were, in pages', async () => {
  const childrenAt = async (revision: bigint): Promise<string[]> => {
    const found: string[] = []
    let cursor = ''
    do {
      const page = await reader.client.listChildren({ entityId: 'root', limit: 2, cursor, consistency: asOf(revision) })
      expect(page.revision).toBe(revision)
      found.push(...page.children.map(({ id, type }) => `${id} ${type}`))
      cursor = page.nextCursor
    } while (cursor !== '')
    return found
  }
  expect(await childrenAt(at.created)).toEqual(['a Thing', 'b Thing', 'c Thing'])
  expect(await childrenAt(at.deleted)).toEqual(['a Thing', 'b Thing', 'd Thing'])
  const ofDeleted = { entityId: 'c', consistency: asOf(at.created) }
  expect((await reader.client.listChildren(ofDeleted)).children).toEqual([])
  const ofNobody = reader.client.listChildren({ ...ofDeleted, consistency: asOf(at.deleted) })
  expect(await failureOf(ofNobody)).toEqual({ code: 'unknown_entity', field: 'entity_id' })
})

test('a time is the newest revision committed at or before it', async () => {
  const { rows } = await reader.raw.pool.query<{ us: number }>('select committed_us as us from log order by revision')
  const times = rows.map(({ us }) => us)
  const revisionAt = async (us: number, nanos = 0): Promise<bigint> => {
    const time = timestampFromMicros(us)
    time.nanos += nanos
    return (await reader.client.listTypes({ consistency: asOfTime(time) })).revision
  }
  for (const [index, us] of times.entries()) {
    expect(await revisionAt(us)).toBe(BigInt(index + 1))
    expect(await revisionAt(us - 1)).toBe(BigInt(index))
    expect(await revisionAt(us, 999)).toBe(BigInt(index + 1))
  }
  expect(await revisionAt(Date.now() * 1_000 - 60_000_000)).toBe(at.deleted)
  expect(await readAt(asOfTime(timestampFromMicros(times[0] ?? 0)), 'a', 'Count')).toBe('unknown_entity')
})

test('what was not committed yet, and a time that has not come, is the future', async () => {
  const revision = failureOf(reader.client.getRoot({ consistency: asOf(at.deleted + 1n) }))
  expect(await revision).toEqual({ code: 'future_revision', field: 'consistency.as_of_revision' })
  const farthest = failureOf(reader.client.getRoot({ consistency: asOf(2n ** 64n - 1n) }))
  expect(await farthest).toMatchObject({ code: 'future_revision' })
  const tomorrow = timestampFromDate(new Date(Date.now() + 86_400_000))
  expect(await failureOf(reader.client.getRoot({ consistency: asOfTime(tomorrow) }))).toEqual({
    code: 'future_revision',
    field: 'consistency.as_of_time',
  })
})

test('fields that were renamed, retyped or removed since are what they were, by the names of then', async () => {
  await reader.commit({ kind: 'schema', schema: schemaOf('Box', { Size: ValueType.INT, Label: ValueType.STRING }) })
  const before = await reader.commit({
    kind: 'create',
    type: 'Box',
    id: 'box',
    parentId: 'root',
    name: 'box',
    values: { Size: 5n, Label: 'x' },
  })
  const altered = await reader.commit({
    kind: 'alter',
    type: 'Box',
    steps: [
      { case: 'renameField' as const, value: { field: 'Size', name: 'Width' } },
      { case: 'retypeField' as const, value: { field: { name: 'Width', valueType: ValueType.STRING } } },
      { case: 'removeField' as const, value: { field: 'Label' } },
    ].map((kind) => create(AlterStepSchema, { kind })),
  })
  const written = await reader.commit({ kind: 'write', id: 'box', field: 'Width', value: 'wide' })
  const fields = async (revision: bigint): Promise<unknown[]> =>
    Promise.all(['Size', 'Label', 'Width'].map((field) => readAt(asOf(revision), 'box', field)))
  expect(await fields(before)).toEqual([5n, 'x', 'unknown_field'])
  expect(await fields(altered)).toEqual(['unknown_field', 'unknown_field', '5'])
  expect(await fields(written)).toEqual(['unknown_field', 'unknown_field', 'wide'])
  const { schema } = await reader.client.getSchema({ type: 'Box', consistency: asOf(before) })
  expect(schema?.fields.map(({ name }) => name)).toEqual(['Size', 'Label'])
  const { versions } = await reader.client.listSchemaVersions({ type: 'Box' })
  expect(versions.map(({ replacedRevision }) => replacedRevision)).toEqual([altered, 0n])
})
