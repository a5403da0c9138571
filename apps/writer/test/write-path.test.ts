import { create } from '@bufbuild/protobuf'
import { ValueSchema, type MutationResult } from '@qcore/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, deleteEntity, expectProblem, resultIds, write, type RequestInit } from './_writer-client.ts'

let test: RunningWriter
let site: string
let first: string
let second: string

beforeAll(async () => {
  // So small that paths are loaded from PostgreSQL again and again.
  test = await startWriter({ Q_WRITER_CACHE_BYTES: '1048576' })
})
afterAll(() => test[Symbol.asyncDispose]())

/** A machine with two children of one name. */
beforeEach(async () => {
  ;[site = ''] = resultIds(await test.commits.commit({ mutations: [createEntity('Machine', test.root, 'Site')] }))
  const children = [createEntity('Machine', site, 'Pump'), createEntity('Machine', site, 'Valve')]
  ;[first = '', second = ''] = resultIds(await test.commits.commit({ mutations: children }))
  const peers = { case: 'entityList' as const, value: { entityIds: [second, first] } }
  await test.commits.commit({
    mutations: [write(first, 'Peer', { case: 'entityReference', value: second }), write(first, 'Peers', peers)],
  })
})

const one = { case: 'int', value: 1n } as const

async function commit(request: RequestInit): Promise<readonly MutationResult[]> {
  return (await test.commits.commit(request)).results
}

async function countOf(id: string): Promise<bigint> {
  const condition = { entityId: id, field: 'Count', value: create(ValueSchema, { kind: one }) }
  const held = test.commits.commit({
    mutations: [write(id, 'Label', { case: 'string', value: 'seen' })],
    conditions: [{ kind: { case: 'fieldValue', value: condition } }],
  })
  return held.then(
    () => 1n,
    () => 0n,
  )
}

describe('a write by a path', () => {
  it.each([
    ['a reference', () => first, 'Peer->Count', () => second],
    ['two references', () => first, 'Peer->Parent->Count', () => site],
    ['a list and an index', () => first, 'Peers->1->Count', () => first],
    ['the parent', () => first, 'Parent->Count', () => site],
    ['the parent by its name', () => first, 'Site->Count', () => site],
    ['a child by its name', () => site, 'Valve->Count', () => second],
    ['a child by its position', () => site, 'Children->0->Count', () => first],
    ['a child of the parent', () => first, 'Parent->Valve->Count', () => second],
  ])('goes through %s, and the answer names what was written', async (_name, from, field, target) => {
    expect(await commit({ mutations: [write(from(), field, one)] })).toMatchObject([
      { entityId: target(), field: 'Count', changed: true },
    ])
    expect(await countOf(target())).toBe(1n)
  })

  it('does not name the field where the request does', async () => {
    expect(await commit({ mutations: [write(first, 'Count', one)] })).toMatchObject([{ entityId: first, field: '' }])
  })

  it('sees what the same commit did before', async () => {
    const results = await commit({
      mutations: [
        write(first, 'Peer', { case: 'entityReference', value: site }),
        write(first, 'Peer->Count', one),
        createEntity('Machine', site, 'Alarm', { entityId: `alarm-${site}` }),
        write(first, 'Parent->Alarm->Count', one),
        deleteEntity(first),
        write(site, 'Children->1->Count', one),
      ],
    })
    expect(results.map(({ entityId }) => entityId)).toEqual([
      first,
      site,
      `alarm-${site}`,
      `alarm-${site}`,
      first,
      second,
    ])
  })

  it('sees what the commits before it did, also when that leads where nothing is loaded', async () => {
    const far = resultIds(
      await test.commits.commit({
        mutations: [
          createEntity('Machine', test.root, 'Far', { entityId: `far-${site}` }),
          createEntity('Machine', `far-${site}`, 'Deep', { entityId: `deep-${site}` }),
        ],
      }),
    )
    const { outcomes } = await test.commits.commitMany({
      commits: [
        { mutations: [write(first, 'Peer', { case: 'entityReference', value: far[0] ?? '' })] },
        { mutations: [write(first, 'Peer->Deep->Count', one)] },
        { mutations: [write(first, 'Count', one)] },
      ],
    })
    const results = outcomes.map(({ outcome }) => (outcome.case === 'response' ? outcome.value.results[0] : outcome))
    expect(results).toMatchObject([{ entityId: first }, { entityId: `deep-${site}` }, { entityId: first }])
  })

  it('is answered the same way again by its key', async () => {
    const request = { mutations: [write(first, 'Peer->Count', one)], idempotencyKey: `path-${site}` }
    const answers = [await test.commits.commit(request), await test.commits.commit(request)]
    expect(answers[0]).toEqual(answers[1])
    expect(answers[1]?.results).toMatchObject([{ entityId: second, field: 'Count' }])
  })

  it.each([
    ['unknown_entity', () => 'nobody', 'Peer->Count', 'entity_id'],
    ['invalid_path', () => first, 'Peer->->Count', 'field'],
    ['invalid_path', () => first, 'Peers->Count', 'field'],
    ['invalid_path', () => first, 'Peer-> Count', 'field'],
    ['broken_path', () => first, 'Peers->7->Count', 'field'],
    ['broken_path', () => second, 'Peer->Count', 'field'],
    ['broken_path', () => first, 'Nowhere->Count', 'field'],
    ['broken_path', () => test.root, 'Parent->Count', 'field'],
    ['unknown_field', () => first, 'Peer->Missing', 'field'],
    ['unknown_field', () => first, 'Peer->Name', 'field'],
    ['type_mismatch', () => first, 'Peer->Label', 'value'],
  ])('fails with %s and names the part (%#)', async (code, from, field, part) => {
    const mutations = [write(second, 'Count', one), write(from(), field, one)]
    await expectProblem(test.commits.commit({ mutations }), code, `mutations[1].write_field.${part}`)
    expect(await countOf(second)).toBe(0n)
  })

  it('refuses a name among very many children', async () => {
    const id = `full-${site}`
    await test.commits.commit({ mutations: [createEntity('Machine', site, 'Full', { entityId: id })] })
    await test.pool.query(
      `insert into entity (id, type, name, parent_id, depth, created_revision)
       select $1 || '-' || n, 'Folder', 'c' || n, $1, 4, 1 from generate_series(1, 10001) n`,
      [id],
    )
    const call = test.commits.commit({ mutations: [write(id, 'c5->Count', one)] })
    await expectProblem(call, 'too_many_children', 'mutations[0].write_field.field')
    expect(await commit({ mutations: [write(id, 'Parent->Count', one)] })).toMatchObject([{ entityId: site }])
  })
})

describe('a condition by a path', () => {
  const held = (from: string, field: string): RequestInit => ({
    mutations: [write(first, 'Label', { case: 'string', value: 'x' })],
    conditions: [
      { kind: { case: 'fieldValue', value: { entityId: from, field, value: create(ValueSchema, { kind: one }) } } },
    ],
  })

  it('holds or not by what is at its end', async () => {
    await expectProblem(
      test.commits.commit(held(site, 'Valve->Count')),
      'condition_failed',
      'conditions[0].field_value',
    )
    const { revision } = await test.commits.commit({ mutations: [write(second, 'Count', one)] })
    await expect(test.commits.commit(held(first, 'Peer->Count'))).resolves.toMatchObject({})
    const condition = { entityId: first, field: 'Parent->Valve->Count', revision }
    const request = { mutations: [write(first, 'Count', one)] }
    await expect(
      test.commits.commit({ ...request, conditions: [{ kind: { case: 'fieldRevision', value: condition } }] }),
    ).resolves.toMatchObject({})
  })

  it('fails where its path does', async () => {
    const call = test.commits.commit(held(second, 'Peer->Count'))
    await expectProblem(call, 'broken_path', 'conditions[0].field_value.field')
  })
})
