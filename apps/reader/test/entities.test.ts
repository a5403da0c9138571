import { ValueType } from '@qcore/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atLeast, failureOf, latest, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let reader: TestReader
const children = Array.from({ length: 25 }, (_, index) => `c${String(index).padStart(2, '0')}`)

beforeAll(async () => {
  reader = await startReader()
})

afterAll(() => reader[Symbol.asyncDispose]())

test('an empty store has no root, no types and a status', async () => {
  expect(await failureOf(reader.client.getRoot({}))).toEqual({ code: 'unknown_entity', field: '' })
  expect((await reader.client.listTypes({})).types).toEqual([])
  const status = await reader.client.getStatus({})
  expect(status.leaseUntil).toBeUndefined()
  expect(status).toMatchObject({
    store: reader.raw.store,
    revision: 0n,
    appliedRevision: 0n,
    oldestRevision: 1n,
    leader: '',
  })
})

test('entities are read by id, in order, each or why not', async () => {
  await reader.commit({ kind: 'schema', schema: schemaOf('Thing', { Count: ValueType.INT }) })
  const revision = await reader.commit(thing('root', '', {}, 'Top'), ...children.map((id) => thing(id, 'root')))
  const { results, revision: answered } = await reader.client.getEntities({
    entityIds: ['c03', 'nobody', 'root', 'c03'],
    consistency: atLeast(revision),
  })
  expect(answered).toBe(revision)
  expect(results.map(({ outcome }) => outcome.case)).toEqual(['entity', 'problem', 'entity', 'entity'])
  expect(results[0]?.outcome.value).toMatchObject({
    id: 'c03',
    type: 'Thing',
    name: 'c03',
    parentId: 'root',
    createdRevision: revision,
  })
  expect(results[1]?.outcome.value).toMatchObject({ code: 'unknown_entity', field: 'entity_ids[1]' })
})

test('the root is read', async () => {
  expect((await reader.client.getRoot({ consistency: latest })).root).toMatchObject({ id: 'root', name: 'Top' })
})

test('children are listed in pages by name', async () => {
  const found: string[] = []
  let cursor = ''
  do {
    const page = await reader.client.listChildren({ entityId: 'root', limit: 10, cursor, consistency: latest })
    expect(page.revision).toBe(BigInt(reader.raw.state.revision))
    found.push(...page.children.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== '')
  expect(found).toEqual(children)
  expect((await reader.client.listChildren({ entityId: 'c00' })).children).toEqual([])
  expect(await failureOf(reader.client.listChildren({ entityId: 'nobody' }))).toEqual({
    code: 'unknown_entity',
    field: 'entity_id',
  })
})

test('a cursor of other children is refused', async () => {
  const { nextCursor } = await reader.client.listChildren({ entityId: 'root', limit: 10 })
  const calls = [
    { entityId: 'c00', limit: 10, cursor: nextCursor },
    { entityId: 'root', limit: 11, cursor: nextCursor },
    { entityId: 'root', limit: 10, cursor: 'x' },
  ]
  for (const call of calls) {
    expect(await failureOf(reader.client.listChildren(call))).toEqual({ code: 'invalid_cursor', field: 'cursor' })
  }
})

test('a schema is read as it was completed, and is new after it was changed', async () => {
  const { schema } = await reader.client.getSchema({ type: 'Thing' })
  expect(schema?.fields[0]).toMatchObject({ name: 'Count', id: 1, rank: 0, defaultValue: { kind: { value: 0n } } })
  const consistency = atLeast(
    await reader.commit({
      kind: 'schema',
      schema: schemaOf('Thing', { Count: ValueType.INT, More: ValueType.STRING }),
    }),
  )
  const changed = await reader.client.getSchema({ type: 'Thing', consistency })
  expect(changed.schema?.fields.map(({ name }) => name)).toEqual(['Count', 'More'])
  expect(await failureOf(reader.client.getSchema({ type: 'Nothing' }))).toEqual({ code: 'unknown_type', field: 'type' })
})

test('types are listed by name', async () => {
  const consistency = atLeast(
    await reader.commit(
      { kind: 'schema', schema: schemaOf('Zebra', {}) },
      { kind: 'schema', schema: schemaOf('Ant', {}) },
    ),
  )
  expect((await reader.client.listTypes({ consistency })).types).toEqual(['Ant', 'Thing', 'Zebra'])
})

test('whether entities, types and fields exist is answered in order', async () => {
  const { exists } = await reader.client.checkExists({
    questions: [
      { subject: { case: 'entityId', value: 'c00' } },
      { subject: { case: 'entityId', value: 'nobody' } },
      { subject: { case: 'type', value: 'Thing' } },
      { subject: { case: 'type', value: 'Nothing' } },
      { subject: { case: 'typeField', value: { type: 'Thing', field: 'Count' } } },
      { subject: { case: 'typeField', value: { type: 'Thing', field: 'Missing' } } },
      { subject: { case: 'typeField', value: { type: 'Nothing', field: 'Count' } } },
    ],
  })
  expect(exists).toEqual([true, false, true, false, true, false, false])
})

test('what a reader depends on is told', async () => {
  const checks = await reader.service.checkHealth(AbortSignal.timeout(5_000))
  expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
    ['postgres', true],
    ['nats', true],
    ['feed', true],
  ])
})
