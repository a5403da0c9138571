import { ValueType, type FieldResult } from '@qcore/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atLeast, failureOf, latest, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let reader: TestReader

beforeAll(async () => {
  reader = await startReader()
  await reader.commit({
    kind: 'schema',
    schema: schemaOf('Thing', {
      Count: ValueType.INT,
      Owner: ValueType.ENTITY_REFERENCE,
      Items: ValueType.ENTITY_LIST,
      Label: ValueType.STRING,
      Picture: ValueType.BINARY_FILE,
    }),
  })
  await reader.commit({
    kind: 'schema',
    schema: schemaOf('Named', { Name: ValueType.STRING, Parent: ValueType.STRING }),
  })
  await reader.commit(
    thing('root', '', {}, 'Top'),
    thing('a', 'root', { Count: 1n, Label: 'first' }, 'Alpha'),
    thing('b', 'root', { Count: 2n, Owner: 'a', Items: ['a', 'c'] }, 'Beta'),
    thing('c', 'b', { Count: 3n, Owner: 'b' }, 'Gamma'),
    thing('d', 'b', { Count: 4n, Picture: { mediaType: 'x/y', content: new Uint8Array(100_000).fill(7) } }, 'Delta'),
    { kind: 'create', type: 'Named', id: 'n', parentId: 'b', name: 'Nu', values: { Name: 'a field', Parent: 'text' } },
  )
})

afterAll(() => reader[Symbol.asyncDispose]())

async function read(entityId: string, path: string): Promise<FieldResult['outcome']> {
  const { results } = await reader.client.readFields({ reads: [{ entityId, path }], consistency: latest })
  return results[0]?.outcome ?? { case: undefined }
}

async function valueAt(entityId: string, path: string): Promise<unknown> {
  const outcome = await read(entityId, path)
  if (outcome.case !== 'field') throw new Error(JSON.stringify(outcome))
  return outcome.value.value?.kind.value
}

async function problemAt(entityId: string, path: string): Promise<string> {
  const outcome = await read(entityId, path)
  if (outcome.case !== 'problem') throw new Error(`there is no problem with ${path}`)
  expect(outcome.value.message).not.toBe('')
  return `${outcome.value.code} ${outcome.value.field}`
}

test('a field is read with its time, writer and revision', async () => {
  const outcome = await read('a', 'Count')
  expect(outcome).toMatchObject({
    case: 'field',
    value: { entityId: '', name: '', writer: 'writer-0', revision: 3n, value: { kind: { case: 'int', value: 1n } } },
  })
  expect(outcome.case === 'field' && outcome.value.writeTime).toMatchObject({ seconds: 1_767_225_600n, nanos: 3_000 })
})

test('a path follows references, lists, parents, children and names', async () => {
  expect(await valueAt('b', 'Owner->Count')).toBe(1n)
  expect(await valueAt('c', 'Owner->Owner->Label')).toBe('first')
  expect(await valueAt('b', 'Items->1->Count')).toBe(3n)
  expect(await valueAt('c', 'Parent->Count')).toBe(2n)
  expect(await valueAt('c', 'Parent->Parent->Children->0->Label')).toBe('first')
  expect(await valueAt('b', 'Delta->Count')).toBe(4n)
  expect(await valueAt('c', 'Beta->Count')).toBe(2n)
})

test('a name, a parent and children are those of the entity where its type has no such field', async () => {
  expect(await valueAt('c', 'Name')).toBe('Gamma')
  expect(await valueAt('c', 'Parent')).toBe('b')
  expect(await valueAt('root', 'Parent')).toBe('')
  expect(await valueAt('b', 'Children')).toMatchObject({ entityIds: ['d', 'c', 'n'] })
  expect(await valueAt('n', 'Name')).toBe('a field')
  expect(await valueAt('n', 'Parent')).toBe('text')
})

test('a field that a path led to says whose it is', async () => {
  expect(await read('b', 'Owner->Count')).toMatchObject({ value: { entityId: 'a', name: 'Count' } })
})

test('what cannot be read is a problem of its own that names the part', async () => {
  expect(await problemAt('nobody', 'Count')).toBe('unknown_entity reads[0].entity_id')
  expect(await problemAt('a', 'Missing')).toBe('unknown_field reads[0].path')
  expect(await problemAt('a', 'Owner->Count')).toBe('broken_path reads[0].path')
  expect(await problemAt('b', 'Items->2->Count')).toBe('broken_path reads[0].path')
  expect(await problemAt('b', 'Children->7->Count')).toBe('broken_path reads[0].path')
  expect(await problemAt('root', 'Parent->Count')).toBe('broken_path reads[0].path')
  expect(await problemAt('a', 'Nobody->Count')).toBe('broken_path reads[0].path')
  expect(await problemAt('b', 'Items->Count')).toBe('invalid_path reads[0].path')
  expect(await problemAt('b', 'Items->first->Count')).toBe('invalid_path reads[0].path')
  expect(await problemAt('a', 'Owner->->Count')).toBe('invalid_path reads[0].path')
  expect(await problemAt('a', 'A->B->C->D->E->F->G->H->I')).toBe('invalid_path reads[0].path')
})

test('problems stand at the place of their read', async () => {
  const { results } = await reader.client.readFields({
    reads: ['Count', 'Missing', 'Label'].map((path) => ({ entityId: 'a', path })),
    consistency: latest,
  })
  expect(results.map(({ outcome }) => outcome.case)).toEqual(['field', 'problem', 'field'])
  expect(results[1]?.outcome).toMatchObject({ value: { field: 'reads[1].path' } })
})

test('JSON answers say the same as binary ones', async () => {
  const request = {
    reads: ['Count', 'Owner', 'Items', 'Label', 'Owner->Label', 'Missing'].map((path) => ({ entityId: 'b', path })),
    consistency: latest,
  }
  expect(await reader.jsonClient.readFields(request)).toEqual(await reader.client.readFields(request))
})

test('a large value is read whole, time and again', async () => {
  for (let count = 0; count < 3; count++) {
    expect(await valueAt('d', 'Picture')).toMatchObject({ content: new Uint8Array(100_000).fill(7) })
  }
})

test('a field that was read is read anew after it was written', async () => {
  for (let count = 10n; count < 20n; count++) {
    const revision = await reader.commit({ kind: 'write', id: 'a', field: 'Count', value: count })
    const response = await reader.client.readFields({
      reads: [{ entityId: 'a', path: 'Count' }],
      consistency: atLeast(revision),
    })
    expect(response.revision).toBeGreaterThanOrEqual(revision)
    expect(response.results[0]?.outcome).toMatchObject({ value: { value: { kind: { value: count } }, revision } })
  }
})

test('all fields of an answer are of one revision, whatever is committed meanwhile', async () => {
  const ids = ['a', 'b', 'c']
  const commitAll = (value: bigint): Promise<bigint> =>
    reader.commit(...ids.map((id) => ({ kind: 'write' as const, id, field: 'Count', value })))
  const reads = [...ids, 'b'].map((entityId, index) => ({ entityId, path: index < 3 ? 'Count' : 'Owner->Count' }))
  const consistency = atLeast(await commitAll(99n))
  const writing: Promise<bigint>[] = []
  for (let count = 100n; count < 160n; count++) {
    writing.push(commitAll(count))
    const { results } = await reader.client.readFields({ reads, consistency })
    const values = results.map(({ outcome }) => outcome.case === 'field' && outcome.value.value?.kind.value)
    expect(new Set(values).size).toBe(1)
  }
  await Promise.all(writing)
})

test('an answer is at least as new as demanded, though the messages are lost', async () => {
  await reader.raw.commit([{ kind: 'write', id: 'c', field: 'Label', value: 'newest' }])
  expect(await valueAt('c', 'Label')).toBe('newest')
  await reader.raw.commit([{ kind: 'write', id: 'c', field: 'Label', value: 'newer still' }])
  const { results } = await reader.client.readFields({
    reads: [{ entityId: 'c', path: 'Label' }],
    consistency: atLeast(BigInt(reader.raw.state.revision)),
  })
  expect(results[0]?.outcome).toMatchObject({ value: { value: { kind: { value: 'newer still' } } } })
})

test('a revision that was not committed is refused', async () => {
  const reads = [{ entityId: 'a', path: 'Count' }]
  const call = reader.client.readFields({ reads, consistency: atLeast(1_000_000n) })
  expect(await failureOf(call)).toMatchObject({ code: 'future_revision' })
})

test('a request that breaks a rule of its proto is refused', async () => {
  expect(await failureOf(reader.client.readFields({ reads: [] }))).toEqual({ code: 'invalid_request', field: 'reads' })
})
