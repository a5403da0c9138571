import { create, fromBinary, toJson } from '@bufbuild/protobuf'
import { ValueSchema, WriteOption, type CommitRecord, type FieldChange, type Value } from '@qcore/contracts'
import { limits } from '@qcore/model'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, expectProblem, resultIds, write, type ValueInit } from './_writer-client.ts'

let test: RunningWriter
let machine: string
let other: string

beforeAll(async () => {
  test = await startWriter()
})
afterAll(() => test[Symbol.asyncDispose]())

beforeEach(async () => {
  const mutations = [createEntity('Machine', test.root, 'm'), createEntity('Machine', test.root, 'n')]
  ;[machine = '', other = ''] = resultIds(await test.commits.commit({ mutations }))
})

const fieldPositions = { Count: 0, Level: 1, Label: 2, On: 3, Manual: 4, Peer: 5, Since: 6, Mode: 7, Peers: 8, Rule: 9 }

async function stored(id: string, field: keyof typeof fieldPositions): Promise<Value> {
  const entity = await test.entity(id)
  return fromBinary(ValueSchema, entity?.values[fieldPositions[field]] ?? new Uint8Array())
}

async function newestCommit(): Promise<CommitRecord | undefined> {
  return (await test.log()).at(-1)
}

describe('writing a field', () => {
  const values: [keyof typeof fieldPositions, () => NonNullable<ValueInit>][] = [
    ['Count', () => ({ case: 'int', value: -9_223_372_036_854_775_808n })],
    ['Count', () => ({ case: 'int', value: 9_223_372_036_854_775_807n })],
    ['Level', () => ({ case: 'float', value: Number.NEGATIVE_INFINITY })],
    ['Level', () => ({ case: 'float', value: Number.NaN })],
    ['Label', () => ({ case: 'string', value: `Grüße \u0000 😀 ${'x'.repeat(3_000)}` })],
    ['On', () => ({ case: 'bool', value: true })],
    ['Manual', () => ({ case: 'binaryFile', value: { mediaType: 'a/b', content: new Uint8Array(1_000).fill(9) } })],
    ['Peer', () => ({ case: 'entityReference', value: other })],
    ['Since', () => ({ case: 'timestamp', value: { seconds: -62_135_596_800n, nanos: 999_999_000 } })],
    ['Since', () => ({ case: 'timestamp', value: { seconds: 253_402_300_799n, nanos: 1_000 } })],
    ['Mode', () => ({ case: 'choice', value: 'Auto' })],
    ['Peers', () => ({ case: 'entityList', value: { entityIds: [other, machine] } })],
    ['Rule', () => ({ case: 'transformation', value: '{"Count": entity.Count + 1}' })],
  ]
  it.each(values)('stores and logs the value of %s', async (field, value) => {
    const { revision } = await test.commits.commit({ mutations: [write(machine, field, value())] })
    const sent = create(ValueSchema, { kind: value() })
    expect(toJson(ValueSchema, await stored(machine, field))).toEqual(toJson(ValueSchema, sent))
    const commit = await newestCommit()
    expect(commit).toMatchObject({ revision, writer: 'tester' })
    const change = commit?.changes[0]?.kind.value
    expect(change).toMatchObject({ entityId: machine, entityType: 'Machine', name: field, previous: { name: field } })
    const logged = (change as FieldChange).value
    expect(logged === undefined ? undefined : toJson(ValueSchema, logged)).toEqual(toJson(ValueSchema, sent))
  })

  it('stores the same value again unless asked to write only changes', async () => {
    const again = write(machine, 'Count', { case: 'int', value: 0n })
    const first = await test.commits.commit({ mutations: [again] })
    expect(first.results[0]?.changed).toBe(true)
    const ifChanged = write(machine, 'Count', { case: 'int', value: 0n }, { option: WriteOption.IF_CHANGED })
    const second = await test.commits.commit({ mutations: [ifChanged] })
    expect(second).toMatchObject({ revision: first.revision, results: [{ entityId: machine, changed: false }] })
    expect(second.commitTime).toBeUndefined()
    expect((await newestCommit())?.revision).toBe(first.revision)
  })

  it('keeps the time that the writer gives, to the microsecond, and the previous state', async () => {
    const writeTime = { seconds: 1_000n, nanos: 1_000 }
    const first = await test.commits.commit({
      mutations: [write(machine, 'Count', { case: 'int', value: 1n }, { writeTime })],
    })
    expect((await test.entity(machine))?.writeTimesUs[0]).toBe(1_000_000_001)
    await test.commits.commit({ mutations: [write(machine, 'Count', { case: 'int', value: 2n })] })
    expect((await newestCommit())?.changes[0]?.kind.value).toMatchObject({
      previous: { value: { kind: { value: 1n } }, writeTime, writer: 'tester', revision: first.revision },
    })
  })

  it('refuses a time that it could not keep exactly', async () => {
    const writeTime = { seconds: 20_000_000_000n, nanos: 0 }
    const mutation = write(machine, 'Count', { case: 'int', value: 1n }, { writeTime })
    const call = test.commits.commit({ mutations: [mutation] })
    await expectProblem(call, 'value_out_of_range', 'mutations[0].write_field.write_time')
  })

  it('makes one change of several writes of a field in one commit', async () => {
    const mutations = [1n, 2n, 3n].map((value) => write(machine, 'Count', { case: 'int', value }))
    await test.commits.commit({ mutations })
    const changes = (await newestCommit())?.changes
    expect(changes).toHaveLength(1)
    expect(changes?.[0]?.kind.value).toMatchObject({
      value: { kind: { value: 3n } },
      previous: { value: { kind: { value: 0n } } },
    })
  })

  it('overwrites the largest file', async () => {
    const file = (fill: number): ReturnType<typeof write> =>
      write(machine, 'Manual', {
        case: 'binaryFile',
        value: { mediaType: '', content: new Uint8Array(limits.binaryFileBytes).fill(fill) },
      })
    await test.commits.commit({ mutations: [file(1)] })
    await test.commits.commit({ mutations: [file(2)] })
    const change = (await newestCommit())?.changes[0]?.kind.value
    expect(change).toMatchObject({ previous: { name: 'Manual', writer: 'tester' } })
    expect(change).not.toHaveProperty('previous.value.kind.case')
  })
})

describe('a write that is refused', () => {
  it.each<[string, () => Parameters<typeof write>, string, string]>([
    ['of an unknown entity', () => ['nobody', 'Count', { case: 'int', value: 1n }], 'unknown_entity', 'entity_id'],
    ['of an unknown field', () => [machine, 'Size', { case: 'int', value: 1n }], 'unknown_field', 'field'],
    ['of another type', () => [machine, 'Count', { case: 'float', value: 1 }], 'type_mismatch', 'value'],
    ['of no option', () => [machine, 'Mode', { case: 'choice', value: 'Fast' }], 'unknown_choice', 'value'],
    [
      'of a dangling reference',
      () => [machine, 'Peer', { case: 'entityReference', value: 'x' }],
      'unknown_entity',
      'value',
    ],
    [
      'of a dangling list',
      () => [machine, 'Peers', { case: 'entityList', value: { entityIds: [other, 'x'] } }],
      'unknown_entity',
      'value',
    ],
    [
      'finer than a microsecond',
      () => [machine, 'Since', { case: 'timestamp', value: { seconds: 1n, nanos: 1 } }],
      'value_out_of_range',
      'value',
    ],
  ])('%s names the part and changes nothing', async (_, mutation, code, part) => {
    const before = await test.log()
    const good = write(other, 'Count', { case: 'int', value: 5n })
    const call = test.commits.commit({ mutations: [good, write(...mutation())] })
    await expectProblem(call, code, `mutations[1].write_field.${part}`)
    expect(await test.log()).toHaveLength(before.length)
    expect((await stored(other, 'Count')).kind.value).toBe(0n)
  })

  it('leaves other commits of the same request alone', async () => {
    const { outcomes } = await test.commits.commitMany({
      commits: [
        { mutations: [write(machine, 'Count', { case: 'int', value: 1n })] },
        {
          mutations: [
            write(machine, 'Count', { case: 'int', value: 2n }),
            write('x', 'Count', { case: 'int', value: 2n }),
          ],
        },
        { mutations: [write(machine, 'Count', { case: 'int', value: 3n }, { option: WriteOption.IF_CHANGED })] },
      ],
    })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual(['response', 'problem', 'response'])
    expect(outcomes[1]?.outcome.value).toMatchObject({
      code: 'unknown_entity',
      field: 'mutations[1].write_field.entity_id',
    })
    expect((await newestCommit())?.changes[0]?.kind.value).toMatchObject({
      value: { kind: { value: 3n } },
      previous: { value: { kind: { value: 1n } } },
    })
  })
})
