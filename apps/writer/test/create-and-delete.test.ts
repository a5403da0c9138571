import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'
import { limits } from '@qcore/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, deleteEntity, expectProblem, resultIds, write } from './_writer-client.ts'

let test: RunningWriter

beforeAll(async () => {
  test = await startWriter()
})
afterAll(() => test[Symbol.asyncDispose]())

async function newEntity(parentId: string, name: string, more: object = {}): Promise<string> {
  const response = await test.commits.commit({ mutations: [createEntity('Machine', parentId, name, more)] })
  return resultIds(response)[0] ?? ''
}

async function count(table: string, where: string): Promise<number> {
  const { rows } = await test.pool.query<{ count: number }>(`select count(*) from ${table} where ${where}`)
  return rows[0]?.count ?? -1
}

describe('a new store', () => {
  it('begins with the root, its type and folders', async () => {
    const [first] = await test.log()
    expect(first).toMatchObject({ revision: 1n, writer: 'qcore' })
    expect(first?.changes.map(({ kind }) => kind.case)).toEqual(['schemaChanged', 'schemaChanged', 'entityCreated'])
    expect(await test.entity(test.root)).toMatchObject({ type: 'Root', name: 'Root', parentId: '', depth: 1 })
  })
})

describe('creating an entity', () => {
  it('gives it the values asked for, and defaults', async () => {
    const id = await newEntity(test.root, 'press', { fields: { Count: { kind: { case: 'int', value: 4n } } } })
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/)
    const entity = await test.entity(id)
    const values = entity?.values.map((bytes) => fromBinary(ValueSchema, bytes).kind.value)
    expect(values?.slice(0, 4)).toEqual([4n, 0, 'none', false])
    expect(values?.[7]).toBe('Off')
    const commit = (await test.log()).at(-1)
    expect(commit?.changes).toHaveLength(1)
    expect(commit?.changes[0]?.kind).toMatchObject({
      case: 'entityCreated',
      value: { entity: { id, type: 'Machine', name: 'press', parentId: test.root, createdRevision: commit?.revision } },
    })
  })

  it('lets later mutations of the commit use a given id, and folds their writes into the creation', async () => {
    await test.commits.commit({
      mutations: [
        createEntity('Machine', test.root, 'a', { entityId: 'given-1' }),
        createEntity('Machine', 'given-1', 'b', {
          entityId: 'given-2',
          fields: { Peer: { kind: { case: 'entityReference', value: 'given-2' } } },
        }),
        write('given-1', 'Count', { case: 'int', value: 9n }),
        write('given-1', 'Peer', { case: 'entityReference', value: 'given-2' }),
      ],
    })
    const commit = (await test.log()).at(-1)
    expect(commit?.changes.map(({ kind }) => kind.case)).toEqual(['entityCreated', 'entityCreated'])
    expect(commit?.changes[0]?.kind.value).toMatchObject({
      fields: { 0: { name: 'Count', value: { kind: { value: 9n } } } },
    })
    expect(await count('reference', `target_id = 'given-2'`)).toBe(2)
  })

  it.each([
    ['of an unknown type', { type: 'Ghost' }, 'unknown_type', 'type'],
    ['of a second root', { type: 'Root' }, 'root_protected', 'type'],
    ['below nobody', { parentId: 'nobody' }, 'unknown_entity', 'parent_id'],
    ['with an arrow in its name', { name: 'a->b' }, 'invalid_request', 'name'],
    ['with a line break in its name', { name: 'a\nb' }, 'invalid_request', 'name'],
    [
      'with an unknown field',
      { fields: { Size: { kind: { case: 'int', value: 1n } } } },
      'unknown_field',
      'fields["Size"]',
    ],
    [
      'with a value of another type',
      { fields: { Count: { kind: { case: 'bool', value: true } } } },
      'type_mismatch',
      'fields["Count"]',
    ],
    [
      'with a dangling reference',
      { fields: { Peer: { kind: { case: 'entityReference', value: 'x' } } } },
      'unknown_entity',
      'fields["Peer"]',
    ],
  ])('%s is refused', async (_, wrong, code, part) => {
    const mutation = createEntity('Machine', test.root, 'm', wrong)
    await expectProblem(test.commits.commit({ mutations: [mutation] }), code, `mutations[0].create_entity.${part}`)
  })

  it('refuses an id that is taken, in the store or by the same request', async () => {
    await newEntity(test.root, 'm', { entityId: 'taken' })
    const again = { mutations: [createEntity('Machine', test.root, 'm', { entityId: 'taken' })] }
    await expectProblem(test.commits.commit(again), 'entity_exists', 'mutations[0].create_entity.entity_id')
    const twice = { mutations: [createEntity('Machine', test.root, 'm', { entityId: 'fresh' })] }
    const { outcomes } = await test.commits.commitMany({ commits: [twice, twice] })
    expect(outcomes[1]?.outcome.value).toMatchObject({ code: 'entity_exists' })
  })

  it('stops at the deepest level', async () => {
    let parent = test.root
    for (let depth = 2; depth <= limits.treeDepth; depth++) parent = await newEntity(parent, `level ${depth}`)
    const mutation = createEntity('Machine', parent, 'too deep')
    await expectProblem(test.commits.commit({ mutations: [mutation] }), 'value_out_of_range')
  })
})

describe('deleting an entity', () => {
  it('takes its descendants along, children first, and clears references to them', async () => {
    const top = await newEntity(test.root, 'top')
    const child = await newEntity(top, 'child')
    const grandchild = await newEntity(child, 'grandchild')
    const holder = await newEntity(test.root, 'holder', {
      fields: {
        Peer: { kind: { case: 'entityReference', value: child } },
        Peers: { kind: { case: 'entityList', value: { entityIds: [grandchild, test.root, top] } } },
      },
    })
    const { revision } = await test.commits.commit({ mutations: [deleteEntity(top)] })
    const commit = (await test.log()).at(-1)
    const summary = commit?.changes.map(({ kind }) =>
      kind.case === 'fieldChanged'
        ? kind.value.name
        : kind.case === 'entityDeleted'
          ? kind.value.entity?.id
          : kind.case,
    )
    expect(new Set(summary?.slice(0, 2))).toEqual(new Set(['Peer', 'Peers']))
    expect(summary?.slice(2)).toEqual([grandchild, child, top])
    const values = (await test.entity(holder))?.values.map((bytes) => fromBinary(ValueSchema, bytes).kind.value)
    expect(values?.[5]).toBe('')
    expect(values?.[8]).toMatchObject({ entityIds: [test.root] })
    expect(await test.entity(child)).toBeUndefined()
    expect(await count('field', `entity_id in ('${top}', '${child}', '${grandchild}')`)).toBe(0)
    expect(await count('reference', `target_id in ('${top}', '${child}', '${grandchild}')`)).toBe(0)
    expect(await count('tombstone', `revision = ${revision}`)).toBe(3)
  })

  it('sees what earlier commits of the same group created and referred to', async () => {
    const { outcomes } = await test.commits.commitMany({
      commits: [
        { mutations: [createEntity('Machine', test.root, 'p', { entityId: 'group-p' })] },
        { mutations: [createEntity('Machine', 'group-p', 'c', { entityId: 'group-c' })] },
        { mutations: [createEntity('Machine', test.root, 'h', { entityId: 'group-h' })] },
        { mutations: [write('group-h', 'Peer', { case: 'entityReference', value: 'group-c' })] },
        { mutations: [deleteEntity('group-p')] },
        { mutations: [createEntity('Machine', test.root, 'p again', { entityId: 'group-p' })] },
        { mutations: [write('group-c', 'Count', { case: 'int', value: 1n })] },
      ],
    })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual([...Array(6).fill('response'), 'problem'])
    expect(await test.entity('group-p')).toMatchObject({ name: 'p again' })
    expect(await test.entity('group-c')).toBeUndefined()
    expect(await count('reference', `target_id = 'group-c'`)).toBe(0)
    expect(await count('field', `entity_id = 'group-c'`)).toBe(0)
  })

  it('leaves nothing of an entity that the same commit created', async () => {
    const before = (await test.log()).length
    const response = await test.commits.commit({
      mutations: [createEntity('Machine', test.root, 'm', { entityId: 'brief' }), deleteEntity('brief')],
    })
    expect(response.commitTime).toBeUndefined()
    expect((await test.log()).length).toBe(before)
    expect(await test.entity('brief')).toBeUndefined()
  })

  it('refuses the root, an unknown entity, and more than a commit may change', async () => {
    const path = 'mutations[0].delete_entity.entity_id'
    await expectProblem(test.commits.commit({ mutations: [deleteEntity(test.root)] }), 'root_protected', path)
    await expectProblem(test.commits.commit({ mutations: [deleteEntity('nobody')] }), 'unknown_entity', path)
    const large = await newEntity(test.root, 'large')
    for (let round = 0; round < 11; round++) {
      const mutations = Array.from({ length: 1_000 }, (_, index) => createEntity('Folder', large, `${index}`))
      await test.commits.commit({ mutations })
    }
    const small = await newEntity(test.root, 'small')
    const commits = [small, large].map((id) => ({ mutations: [deleteEntity(id)] }))
    const { outcomes } = await test.commits.commitMany({ commits })
    expect(outcomes[0]?.outcome.case).toBe('response')
    expect(outcomes[1]?.outcome.value).toMatchObject({ code: 'commit_too_large', field: path })
    expect(await test.entity(large)).toBeDefined()
  })
})
