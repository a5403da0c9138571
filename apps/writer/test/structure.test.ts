import { create } from '@bufbuild/protobuf'
import { ChildOrder, MutationSchema, type CommitResponse, type Mutation } from '@qcore/contracts'
import { loadChildrenAsOf } from '@qcore/database'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createWriter } from '../src/service.ts'
import {
  createEntity,
  deleteEntity,
  expectProblem,
  openTestStore,
  resultIds,
  setSchema,
  silent,
  uniqueStore,
  whenServed,
  write,
  writerConfig,
} from './_writer-client.ts'

let test: RunningWriter
let run = 0
let id: (name: string) => string

beforeAll(async () => {
  test = await startWriter()
  await commit(
    setSchema({ type: 'Team', uniqueChildNames: true }),
    setSchema({ type: 'List', childOrder: ChildOrder.EXPLICIT }),
  )
})
afterAll(() => test[Symbol.asyncDispose]())
beforeEach(() => {
  const prefix = `t${run++}-`
  id = (name) => (name === 'root' || name === '' ? name : prefix + name)
})

function commit(...mutations: Mutation[]): Promise<CommitResponse> {
  return test.commits.commit({ mutations })
}

function make(type: string, name: string, parent = 'root', more: { name?: string; before?: string } = {}): Mutation {
  return createEntity(type, id(parent), more.name ?? name, { entityId: id(name), beforeId: id(more.before ?? '') })
}

function rename(entity: string, name: string): Mutation {
  return create(MutationSchema, { kind: { case: 'renameEntity', value: { entityId: id(entity), name } } })
}

function move(entity: string, parent: string, before = ''): Mutation {
  const value = { entityId: id(entity), parentId: id(parent), beforeId: id(before) }
  return create(MutationSchema, { kind: { case: 'moveEntity', value } })
}

async function children(parent: string): Promise<string[]> {
  const { rows } = await test.pool.query<{ name: string }>(
    'select name from entity where parent_id = $1 order by place, name, id',
    [id(parent)],
  )
  return rows.map(({ name }) => name)
}

async function depths(...names: string[]): Promise<(number | undefined)[]> {
  return Promise.all(names.map(async (name) => (await test.entity(id(name)))?.depth))
}

describe('a rename', () => {
  it('is one change that tells what the entity was called', async () => {
    await commit(make('Machine', 'a'))
    const { revision, results } = await commit(
      rename('a', 'Alpha'),
      write(id('a'), 'Count', { case: 'int', value: 1n }),
    )
    expect(results).toMatchObject([{ entityId: id('a'), changed: true }, { changed: true }])
    expect(await test.entity(id('a'))).toMatchObject({ name: 'Alpha', structureRevision: Number(revision) })
    const record = (await test.log()).at(-1)
    expect(record?.changes.map(({ kind }) => kind)).toMatchObject([
      {
        case: 'entityChanged',
        value: {
          entity: { id: id('a'), name: 'Alpha', structureRevision: revision },
          previous: { name: 'a', structureRevision: revision - 1n },
        },
      },
      { case: 'fieldChanged' },
    ])
  })

  it('to the same name changes nothing, and one of the root is allowed', async () => {
    await commit(make('Machine', 'a'))
    const { commitTime, results } = await commit(rename('a', 'a'))
    expect([commitTime, results[0]?.changed]).toEqual([undefined, false])
    await commit(rename('root', 'Top'))
    await commit(rename('root', 'Root'))
  })

  it('of an entity that the commit creates, or renamed before, is no change of its own', async () => {
    const { revision } = await commit(make('Machine', 'a'), rename('a', 'b'), rename('a', 'c'))
    expect(await test.entity(id('a'))).toMatchObject({ name: 'c', createdRevision: Number(revision) })
    expect((await test.log()).at(-1)?.changes).toHaveLength(1)
    await commit(rename('a', 'd'), rename('a', 'e'))
    const changes = (await test.log()).at(-1)?.changes ?? []
    expect(changes).toHaveLength(1)
    expect(changes[0]?.kind.value).toMatchObject({ entity: { name: 'e' }, previous: { name: 'c' } })
  })

  it('refuses what is no name, and an entity that is not there', async () => {
    await commit(make('Machine', 'a'))
    await expectProblem(commit(rename('a', 'x->y')), 'invalid_request', 'mutations[0].rename_entity.name')
    await expectProblem(commit(rename('nobody', 'x')), 'unknown_entity', 'mutations[0].rename_entity.entity_id')
  })
})

describe('a move', () => {
  it('takes the descendants along, with their levels', async () => {
    await commit(make('Machine', 'a'), make('Machine', 'b', 'a'), make('Machine', 'c', 'b'), make('Machine', 'x'))
    expect(await depths('a', 'b', 'c')).toEqual([2, 3, 4])
    await commit(move('a', 'x'))
    expect(await depths('a', 'b', 'c')).toEqual([3, 4, 5])
    await commit(make('Machine', 'd', 'c'), move('b', 'root'))
    expect(await depths('a', 'b', 'c', 'd')).toEqual([3, 2, 3, 4])
    await commit(make('Machine', 'e', 'd'))
    expect(await depths('e')).toEqual([5])
  })

  it('of an entity, and then of its new parent, gives all below the levels that they have', async () => {
    await commit(make('Machine', 'a'), make('Machine', 'b', 'a'), make('Machine', 'p'), make('Machine', 'x'))
    await commit(move('a', 'p'), move('p', 'x'))
    expect(await depths('p', 'a', 'b')).toEqual([3, 4, 5])
    await commit(move('b', 'x'), move('a', 'b'), move('p', 'root'))
    expect(await depths('p', 'b', 'a')).toEqual([2, 3, 4])
  })

  it('and back again leaves what was put below meanwhile with its level', async () => {
    await commit(make('Machine', 'p'), make('Machine', 'x'), make('Machine', 'a', 'x'))
    await commit(move('p', 'x'), make('Machine', 'b', 'p'), move('a', 'p'), move('p', 'root'))
    expect(await depths('p', 'a', 'b')).toEqual([2, 3, 3])
  })

  it('makes no cycle, also not in several steps of one commit', async () => {
    await commit(make('Machine', 'a'), make('Machine', 'b', 'a'), make('Machine', 'c', 'b'), make('Machine', 'x'))
    await expectProblem(commit(move('a', 'a')), 'cycle', 'mutations[0].move_entity.parent_id')
    await expectProblem(commit(move('a', 'c')), 'cycle', 'mutations[0].move_entity.parent_id')
    await expectProblem(commit(move('x', 'c'), move('a', 'x')), 'cycle', 'mutations[1].move_entity.parent_id')
    await commit(move('b', 'x'), move('a', 'c'))
    expect(await depths('x', 'b', 'c', 'a')).toEqual([2, 3, 4, 5])
  })

  it('keeps the limit of levels for all that is below', async () => {
    const chain = (prefix: string, length: number): Mutation[] =>
      Array.from({ length }, (_, index) =>
        make('Machine', `${prefix}${index}`, index === 0 ? 'root' : `${prefix}${index - 1}`),
      )
    await commit(...chain('d', 40), ...chain('e', 24))
    await expectProblem(commit(move('e0', 'd39')), 'value_out_of_range', 'mutations[0].move_entity.parent_id')
    await commit(move('e0', 'd38'))
    expect(await depths('e23')).toEqual([64])
    await expectProblem(commit(make('Machine', 'f', 'e23')), 'value_out_of_range')
    // What the commit itself puts below counts, and so does where it has moved the parent.
    await commit(move('e0', 'root'))
    await expectProblem(
      commit(make('Machine', 'g', 'e23'), move('e0', 'd38')),
      'value_out_of_range',
      'mutations[1].move_entity.parent_id',
    )
    await expectProblem(
      commit(move('e0', 'd38'), make('Machine', 'g', 'e23')),
      'value_out_of_range',
      'mutations[1].create_entity.parent_id',
    )
  })

  it('is refused for the root, and to a parent that is not there', async () => {
    await commit(make('Machine', 'a'))
    await expectProblem(commit(move('root', 'a')), 'root_protected', 'mutations[0].move_entity.entity_id')
    await expectProblem(commit(move('a', 'nobody')), 'unknown_entity', 'mutations[0].move_entity.parent_id')
    expect((await commit(move('a', 'root'))).results[0]?.changed).toBe(false)
    await expectProblem(commit(move('a', 'root', 'a')), 'invalid_request', 'mutations[0].move_entity.before_id')
  })

  it('below what the same commit deletes is deleted with it', async () => {
    await commit(make('Machine', 'a'), make('Machine', 'b', 'a'), make('Machine', 'x'))
    await commit(write(id('x'), 'Peer', { case: 'entityReference', value: id('b') }))
    await commit(make('Machine', 'y'), move('a', 'y'), deleteEntity(id('y')))
    expect([await test.entity(id('a')), await test.entity(id('b'))]).toEqual([undefined, undefined])
    const deleted = (await test.log()).at(-1)?.changes.map(({ kind }) => kind.case)
    expect(deleted).toEqual(['fieldChanged', 'entityDeleted', 'entityDeleted'])
  })

  it('leaves nothing behind if the commit fails', async () => {
    await commit(make('Machine', 'a'), make('Machine', 'x'))
    await expectProblem(commit(move('a', 'x'), deleteEntity('nobody')), 'unknown_entity')
    expect((await test.entity(id('a')))?.parentId).toBe('root')
    await commit(make('Machine', 'b', 'a'))
    expect(await depths('a', 'b')).toEqual([2, 3])
  })

  it('is known when the children of a revision that has passed are asked for', async () => {
    await commit(make('Machine', 'p'), make('Machine', 'q'), make('Machine', 'a', 'p'))
    const { outcomes } = await test.commits.commitMany({
      commits: [[rename('a', 'b')], [rename('a', 'c')], [move('a', 'q')], [deleteEntity(id('a'))]].map((mutations) => ({
        mutations,
      })),
    })
    const [first = 0] = outcomes.map(({ outcome }) =>
      outcome.case === 'response' ? Number(outcome.value.revision) : 0,
    )
    const names = async (parent: string, revision: number): Promise<string[]> => {
      const { children: found } = await loadChildrenAsOf(test.pool, [id(parent)], revision)
      return found[0]?.names ?? []
    }
    const revisions = [-1, 0, 1, 2, 3].map((offset) => first + offset)
    expect(await Promise.all(revisions.map((revision) => names('p', revision)))).toEqual([['a'], ['b'], ['c'], [], []])
    expect(await Promise.all(revisions.map((revision) => names('q', revision)))).toEqual([[], [], [], ['c'], []])
  })
})

describe('a type whose children have different names', () => {
  it('refuses another child of the name, however it would come about', async () => {
    await commit(make('Team', 't'), make('Machine', 'a', 't'), make('Machine', 'x', 'root', { name: 'a' }))
    await expectProblem(
      commit(make('Machine', 'b', 't', { name: 'a' })),
      'name_taken',
      'mutations[0].create_entity.name',
    )
    await commit(make('Machine', 'b', 't'))
    await expectProblem(commit(rename('b', 'a')), 'name_taken', 'mutations[0].rename_entity.name')
    await expectProblem(commit(move('x', 't')), 'name_taken', 'mutations[0].move_entity.parent_id')
    await expectProblem(commit(rename('x', 'b'), move('x', 't')), 'name_taken', 'mutations[1].move_entity.parent_id')
    await commit(rename('x', 'c'), move('x', 't'))
    expect(await children('t')).toEqual(['a', 'b', 'c'])
  })

  it('lets a name that becomes free be used, also in the same commit', async () => {
    await commit(make('Team', 't'), make('Machine', 'a', 't'), make('Machine', 'b', 't'))
    await commit(rename('a', 'swap'), rename('b', 'a'), rename('a', 'b'))
    expect((await test.entity(id('a')))?.name).toBe('b')
    await commit(deleteEntity(id('a')), make('Machine', 'c', 't', { name: 'b' }))
    expect(await children('t')).toEqual(['a', 'b'])
  })

  it('gives one of several that come at once the name', async () => {
    await commit(make('Team', 't'))
    const twins = Array.from({ length: 10 }, () => createEntity('Machine', id('t'), 'only'))
    const attempts = await Promise.allSettled([
      ...twins.map((mutation) => commit(mutation)),
      test.commits.commitMany({ commits: twins.map((mutation) => ({ mutations: [mutation] })) }),
    ])
    expect(attempts.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
    expect(await children('t')).toEqual(['only'])
    await expectProblem(commit(make('Machine', 'u', 't'), createEntity('Machine', id('t'), 'u')), 'name_taken')
  })

  it('is not made by setting the schema of a type that is there', async () => {
    const schema = { type: 'Machine', fields: [], uniqueChildNames: true }
    await expectProblem(commit(setSchema(schema)), 'schema_change_refused')
    // Who does not know of the rule does not change it.
    expect((await commit(setSchema({ type: 'Team' }))).results[0]?.changed).toBe(false)
  })
})

describe('a type that orders its children', () => {
  it('puts each last, or before the one that is named', async () => {
    await commit(make('List', 'l'), make('Machine', 'b', 'l'), make('Machine', 'a', 'l'))
    await commit(make('Machine', 'c', 'l', { before: 'a' }), make('Machine', 'd', 'l', { before: 'c' }))
    expect(await children('l')).toEqual(['b', 'd', 'c', 'a'])
    await commit(move('a', 'l', 'b'))
    expect(await children('l')).toEqual(['a', 'b', 'd', 'c'])
    await commit(move('a', 'l'))
    expect(await children('l')).toEqual(['b', 'd', 'c', 'a'])
    await commit(make('Machine', 'x'))
    await commit(move('x', 'l', 'd'), move('b', 'l', 'a'), make('Machine', 'e', 'l'), move('c', 'l', 'e'))
    expect(await children('l')).toEqual(['x', 'd', 'b', 'a', 'c', 'e'])
  })

  it('follows a model through any moves', async () => {
    await commit(make('List', 'l'))
    let model: string[] = []
    let seed = 7
    const next = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most
    for (let round = 0; round < 30; round++) {
      const mutations: Mutation[] = []
      for (let step = 0; step < 4; step++) {
        const name = `n${next(12)}`
        const others = model.filter((other) => other !== name)
        const before = others[next(others.length + 1)] ?? ''
        mutations.push(model.includes(name) ? move(name, 'l', before) : make('Machine', name, 'l', { before }))
        others.splice(before === '' ? others.length : others.indexOf(before), 0, name)
        model = others
      }
      await commit(...mutations)
      expect(await children('l')).toEqual(model)
    }
  })

  it('refuses a place before what is not another of its children, and one where children are ordered by name', async () => {
    await commit(make('List', 'l'), make('Machine', 'a', 'l'), make('Machine', 'x'))
    await expectProblem(
      commit(make('Machine', 'b', 'l', { before: 'x' })),
      'invalid_request',
      'mutations[0].create_entity.before_id',
    )
    await expectProblem(commit(move('a', 'l', 'a')), 'invalid_request', 'mutations[0].move_entity.before_id')
    await expectProblem(commit(move('a', 'l', 'nobody')), 'unknown_entity', 'mutations[0].move_entity.before_id')
    await expectProblem(commit(move('a', 'root', 'x')), 'invalid_request', 'mutations[0].move_entity.before_id')
  })
})

it('a retry of a commit that moves gets its first answer, with the ids', async () => {
  await commit(make('Machine', 'a'), make('Machine', 'x'))
  const request = { mutations: [move('a', 'x'), rename('a', 'b')], idempotencyKey: id('key') }
  const first = await test.commits.commit(request)
  expect(resultIds(first)).toEqual([id('a'), id('a')])
  expect(await test.commits.commit(request)).toEqual(first)
})

it('a writer that has not seen the children before knows their names and places', async () => {
  await using other = await openTestStore(uniqueStore())
  const mutations = [
    setSchema({ type: 'Both', uniqueChildNames: true, childOrder: ChildOrder.EXPLICIT }),
    make('Both', 'b'),
    make('Folder', 'x', 'b'),
    make('Folder', 'y', 'b'),
  ]
  {
    await using _first = await createWriter(writerConfig(other.store), { logger: silent })
    await whenServed(() => other.commits.commit({ mutations, idempotencyKey: 'first' }))
  }
  await using _second = await createWriter(writerConfig(other.store), { logger: silent })
  const twin = { mutations: [make('Folder', 'z', 'b', { name: 'x' })] }
  await expectProblem(
    whenServed(() => other.commits.commit(twin)),
    'name_taken',
  )
  await other.commits.commit({ mutations: [make('Folder', 'v', 'b'), make('Folder', 'w', 'b', { before: 'y' })] })
  const { rows } = await other.pool.query('select name from entity where parent_id = $1 order by place', [id('b')])
  expect(rows).toEqual(['x', 'w', 'y', 'v'].map((name) => ({ name })))
})
