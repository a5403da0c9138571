import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { isQError } from '@qcore/errors'
import { messageFromQuery, type Query } from '@qcore/query'
import fc from 'fast-check'
import { AlterStepSchema, ValueType } from '@qcore/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anyChange, anyThingQuery, createPlaces, expectedIds, placeSchemas, type Moment } from './_places.ts'
import { failureOf, latest, schemaOf, startReader, type TestReader } from './_reader.ts'

let reader: TestReader
/** What the store held, by revision. */
const moments = new Map<number, Moment>()
let selectedAt = 0n

beforeAll(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      await raw.commit(placeSchemas.map((schema) => ({ kind: 'schema', schema })))
      await raw.commit(createPlaces())
    },
  })
  remember()
})

afterAll(() => reader[Symbol.asyncDispose]())

function remember(): void {
  const { revision, types, entities } = reader.raw.state
  moments.set(revision, { types: new Map(types), entities: new Map(entities) })
}

type Change = (state: TestReader['raw']['state']) => Parameters<TestReader['commit']>

async function change(changes: readonly Change[]): Promise<void> {
  for (const each of changes) {
    await reader.commit(...each(reader.raw.state))
    remember()
  }
}

/** Undefined: it does not fit the schemas. */
function expected(query: Query, revision: number): string[] | undefined {
  try {
    const moment = moments.get(revision)
    if (moment === undefined) throw new Error(`nobody remembers revision ${revision}`)
    return expectedIds(moment, query)
  } catch (error) {
    if (!isQError(error)) throw error
    return undefined
  }
}

test('any query finds as of any revision what it found then, and counts it', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyThingQuery,
      fc.array(anyChange, { maxLength: 4 }),
      fc.nat(20),
      fc.constantFrom(3, 1_000),
      async (query, changes, age, pageSize) => {
        await change(changes)
        const revision = [...moments.keys()].at(-1 - age) ?? 0
        const ids = revision === 0 ? undefined : expected(query, revision)
        if (ids === undefined) return
        const source = { case: 'query', value: messageFromQuery(query) } as const
        const consistency = { demand: { case: 'asOfRevision', value: BigInt(revision) } } as const
        const found: string[] = []
        for (let cursor = '', page = 0; page === 0 || cursor !== ''; page++) {
          const response = await reader.queries.query({ source, pageSize, cursor, consistency })
          expect(response.revision).toBe(BigInt(revision))
          found.push(...response.entities.map(({ entity }) => entity?.id ?? ''))
          cursor = response.nextCursor
        }
        expect(found).toEqual(ids)
        const counted = messageFromQuery({ ...query, order: [], limit: 0, count: true })
        const { count } = await reader.queries.query({ source: { case: 'query', value: counted }, consistency })
        expect(Number(count)).toBe(expected({ ...query, limit: 0 }, revision)?.length)
      },
    ),
    { numRuns: 150 },
  )
}, 120_000)

test('all pages are of the revision of the first, whatever is committed between them', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyThingQuery,
      fc.array(fc.array(anyChange, { maxLength: 3 }), { minLength: 20, maxLength: 20 }),
      async (query, changes) => {
        const ids = expected(query, reader.raw.state.revision)
        if (ids === undefined) return
        const source = { case: 'query', value: messageFromQuery(query) } as const
        const revisions = new Set<bigint>()
        const found: string[] = []
        for (let cursor = '', page = 0; page === 0 || cursor !== ''; page++) {
          const response = await reader.queries.query({ source, pageSize: 3, cursor, consistency: latest })
          revisions.add(response.revision)
          found.push(...response.entities.map(({ entity }) => entity?.id ?? ''))
          cursor = response.nextCursor
          if (cursor !== '') await change(changes[page] ?? [])
        }
        expect(revisions.size).toBe(1)
        expect(found).toEqual(ids)
      },
    ),
    { numRuns: 60 },
  )
}, 120_000)

test('what is selected is what it was', async () => {
  // Things of its own: what random changes have left of the others may be of any type.
  const item = (id: string): Parameters<typeof reader.commit>[number] =>
    ({ kind: 'create', type: 'Thing', id, parentId: 'p0', name: id }) as const
  await reader.commit(item('s1'), item('s3'))
  await reader.commit(
    { kind: 'write', id: 's1', field: 'Text', value: 'before' },
    { kind: 'write', id: 's1', field: 'Owner', value: 's3' },
  )
  const revision = await reader.commit({ kind: 'write', id: 's3', field: 'Text', value: 'owner then' })
  await reader.commit(
    { kind: 'write', id: 's1', field: 'Text', value: 'after' },
    { kind: 'write', id: 's1', field: 'Owner', value: '' },
  )
  await reader.commit({ kind: 'write', id: 's3', field: 'Text', value: 'owner now' })
  remember()
  selectedAt = revision
  const ask = async (consistency: Parameters<typeof reader.queries.query>[0]['consistency']): Promise<unknown[]> => {
    const text = `SELECT Text, Owner->Text, Items->7->Name FROM Thing WHERE Text IN ('before', 'after')`
    const { entities } = await reader.queries.query({
      source: { case: 'text', value: text },
      ...(consistency === undefined ? {} : { consistency }),
    })
    return entities.flatMap(({ fields }) =>
      fields.map(({ outcome }) => (outcome.case === 'field' ? outcome.value.value?.kind.value : outcome.value?.code)),
    )
  }
  expect(await ask({ demand: { case: 'asOfRevision', value: revision } })).toEqual([
    'before',
    'owner then',
    'broken_path',
  ])
  expect(await ask(latest)).toEqual(['after', 'broken_path', 'broken_path'])
})

test('a query of a moment before its fields were renamed, retyped or removed finds what it found then', async () => {
  const before = [...moments.keys()].slice(-30)
  const steps: NonNullable<MessageInitShape<typeof AlterStepSchema>['kind']>[] = [
    { case: 'renameField', value: { field: 'Text', name: 'Label' } },
    { case: 'renameField', value: { field: 'Float', name: 'Text' } },
    { case: 'retypeField', value: { field: { name: 'Int', valueType: ValueType.STRING } } },
    { case: 'removeField', value: { field: 'Owner' } },
  ]
  await reader.commit({ kind: 'alter', type: 'Thing', steps: steps.map((kind) => create(AlterStepSchema, { kind })) })
  const revision = await reader.commit({ kind: 'write', id: 's1', field: 'Int', value: 'text' })
  await fc.assert(
    fc.asyncProperty(anyThingQuery, fc.constantFrom(...before), async (query, then) => {
      const ids = expected(query, then)
      if (ids === undefined) return
      const source = { case: 'query', value: messageFromQuery(query) } as const
      const consistency = { demand: { case: 'asOfRevision', value: BigInt(then) } } as const
      const found: string[] = []
      for (let cursor = '', page = 0; page === 0 || cursor !== ''; page++) {
        const response = await reader.queries.query({ source, pageSize: 7, cursor, consistency })
        found.push(...response.entities.map(({ entity }) => entity?.id ?? ''))
        cursor = response.nextCursor
      }
      expect(found).toEqual(ids)
      const counted = messageFromQuery({ ...query, order: [], limit: 0, count: true })
      const { count } = await reader.queries.query({ source: { case: 'query', value: counted }, consistency })
      expect(Number(count)).toBe(expected({ ...query, limit: 0 }, then)?.length)
    }),
    { numRuns: 60 },
  )
  const text = { case: 'text', value: `SELECT Text, Int FROM Thing WHERE Text = 'before'` } as const
  const selected = async (value: bigint): Promise<unknown> => {
    const { entities } = await reader.queries.query({
      source: text,
      consistency: { demand: { case: 'asOfRevision', value } },
    })
    return entities[0]?.fields.map(({ outcome }) => outcome.case === 'field' && outcome.value.value?.kind.value)
  }
  expect(await selected(selectedAt)).toEqual(['before', 0n])
  expect(await failureOf(selected(revision))).toMatchObject({ code: 'type_mismatch' })
}, 120_000)

test('more changes than can be left out of account are refused, if the query depends on them', async () => {
  const many = Array.from({ length: 5_001 }, (_, index) => `many-${index}`)
  await reader.commit({ kind: 'schema', schema: schemaOf('Plain', { Int: ValueType.INT }) })
  const revision = await reader.commit(
    ...many.map((id) => ({ kind: 'create', type: 'Plain', id, parentId: '', name: 'a' }) as const),
  )
  await reader.commit(...many.map((id) => ({ kind: 'move', id, name: 'b' }) as const))
  const count = async (text: string): Promise<bigint> => {
    const consistency = { demand: { case: 'asOfRevision', value: revision } } as const
    return (await reader.queries.query({ source: { case: 'text', value: text }, consistency })).count
  }
  expect(await failureOf(count(`SELECT COUNT(*) FROM Plain WHERE Name = 'a'`))).toMatchObject({
    code: 'too_many_changes',
  })
  expect(await count(`SELECT COUNT(*) FROM Plain WHERE Int = 0`)).toBe(5_001n)
}, 60_000)

test('a moment before a change of the type is refused if too many entities would have to be looked at', async () => {
  const steps = [create(AlterStepSchema, { kind: { case: 'renameField', value: { field: 'Int', name: 'Number' } } })]
  const then = BigInt(reader.raw.state.revision)
  await reader.commit({ kind: 'alter', type: 'Plain', steps })
  const query = reader.queries.query({
    source: { case: 'text', value: 'SELECT COUNT(*) FROM Plain WHERE Int = 0' },
    consistency: { demand: { case: 'asOfRevision', value: then } },
  })
  expect(await failureOf(query)).toMatchObject({ code: 'schema_changed' })
}, 60_000)

test('a moment that cannot be asked for is refused and told', async () => {
  const source = { case: 'text', value: 'FROM Thing WHERE Flag = FALSE' } as const
  const asOf = (value: bigint): Promise<{ code: string; field: string }> =>
    failureOf(reader.queries.query({ source, consistency: { demand: { case: 'asOfRevision', value } } }))
  expect(await asOf(1_000_000n)).toEqual({ code: 'future_revision', field: 'consistency.as_of_revision' })
  const first = await reader.queries.query({ source, pageSize: 2, consistency: latest })
  const other = schemaOf('Fourth', { Int: ValueType.INT })
  await reader.commit({ kind: 'schema', schema: other })
  const next = await reader.queries.query({ source, pageSize: 2, cursor: first.nextCursor })
  expect(next.revision).toBe(first.revision)
  await reader.commit({ kind: 'write', id: 's1', field: 'Flag', value: true })
  await reader.raw.pool.query('update head set oldest_revision = $1', [reader.raw.state.revision])
  expect(await failureOf(reader.queries.query({ source, pageSize: 2, cursor: first.nextCursor }))).toMatchObject({
    code: 'compacted',
  })
})
