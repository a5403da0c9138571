import { create, fromBinary, toJson } from '@bufbuild/protobuf'
import { ValueSchema, ValueType, WriteOption, type MutationResult } from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import {
  createEntity,
  expectProblem,
  resultIds,
  setSchema,
  write,
  type RequestInit,
  type ValueInit,
} from './_writer-client.ts'

let test: RunningWriter
let site: string
let pump: string
let valve: string

beforeAll(async () => {
  test = await startWriter()
})
afterAll(() => test[Symbol.asyncDispose]())

beforeEach(async () => {
  ;[site = ''] = resultIds(await test.commits.commit({ mutations: [createEntity('Machine', test.root, 'Site')] }))
  const machines = [createEntity('Machine', site, 'Pump'), createEntity('Machine', site, 'Valve')]
  ;[pump = '', valve = ''] = resultIds(await test.commits.commit({ mutations: machines }))
  await test.commits.commit({ mutations: [write(pump, 'Peer', { case: 'entityReference', value: valve })] })
})

const names = ['Count', 'Level', 'Label', 'On', 'Manual', 'Peer', 'Since', 'Mode', 'Peers', 'Rule'] as const
type Name = (typeof names)[number]

const rule = (text: string, id = pump): ReturnType<typeof write> =>
  write(id, 'Rule', { case: 'transformation', value: text })
const feed = (value: NonNullable<ValueInit>, id = pump, more = {}): ReturnType<typeof write> =>
  write(id, 'Rule', value, more)
const int = (value: bigint): NonNullable<ValueInit> => ({ case: 'int', value })

async function commit(request: RequestInit): Promise<readonly MutationResult[]> {
  return (await test.commits.commit(request)).results
}

async function held(id: string, field: Name): Promise<unknown> {
  const row = await test.entity(id)
  const value = fromBinary(ValueSchema, row?.values[names.indexOf(field)] ?? new Uint8Array())
  return Object.values(toJson(ValueSchema, value) as object)[0]
}

async function problemOf(call: Promise<unknown>): Promise<ReturnType<typeof fromConnectError>> {
  return call.then(
    () => expect.fail('nothing was refused'),
    (reason: unknown) => fromConnectError(reason),
  )
}

describe('feeding a transformation', () => {
  it('makes the writes that its result names, in the same revision, and keeps the expression', async () => {
    await commit({ mutations: [rule('{"Count": value * 2, "Label": "got " + string(value)}')] })
    const { revision, results } = await test.commits.commit({ mutations: [feed(int(21n))] })
    expect(results).toMatchObject([{ entityId: pump, changed: true }])
    expect([await held(pump, 'Count'), await held(pump, 'Label')]).toEqual(['42', 'got 21'])
    const record = (await test.log()).at(-1)
    expect(record?.revision).toBe(revision)
    expect(record?.changes.map(({ kind }) => (kind.value as { name: string }).name)).toEqual(['Rule', 'Count', 'Label'])
    expect(await held(pump, 'Rule')).toContain('value * 2')
    expect((await test.entity(pump))?.revisions[names.indexOf('Rule')]).toBe(Number(revision))
  })

  it.each<[string, NonNullable<ValueInit>, Name, unknown]>([
    ['{"Level": value}', { case: 'float', value: 0.1 }, 'Level', 0.1],
    ['{"Level": value}', int(3n), 'Level', 3],
    ['{"Label": value}', { case: 'string', value: 'text' }, 'Label', 'text'],
    ['{"On": !value}', { case: 'bool', value: false }, 'On', true],
    ['{"Mode": value ? "Auto" : "Off"}', { case: 'bool', value: true }, 'Mode', 'Auto'],
    ['{"Mode": value}', { case: 'choice', value: 'Manual' }, 'Mode', 'Manual'],
    [
      '{"Since": value + duration("1.000001s")}',
      { case: 'timestamp', value: { seconds: 1n, nanos: 1_000 } },
      'Since',
      '1970-01-01T00:00:02.000002Z',
    ],
    [
      '{"Manual": value}',
      { case: 'binaryFile', value: { mediaType: 'a/b', content: Uint8Array.of(1, 2) } },
      'Manual',
      { mediaType: 'a/b', content: 'AQI=' },
    ],
  ])('%s stores the value exactly', async (text, value, field, expected) => {
    await commit({ mutations: [rule(text), feed(value)] })
    expect(await held(pump, field)).toEqual(expected)
  })

  it('sees fields of the entity, its parent and what it refers to, and writes to them', async () => {
    const text = `{
      "Peer->Count": entity.Count + parent.Count + ref("Peer").Count + value,
      "Parent->Label": ref("Peer").Name + " of " + parent.Name,
      "Peers": [ref("Peer->Parent->Children->0").Peer, entity.Peer].filter(id, id != "")[0] == "" ? [] : [entity.Peer],
    }`
    await commit({
      mutations: [
        rule(text),
        write(pump, 'Count', int(1n)),
        write(site, 'Count', int(10n)),
        write(valve, 'Count', int(100n)),
        feed(int(1_000n)),
      ],
    })
    expect(await held(valve, 'Count')).toBe('1111')
    expect(await held(site, 'Label')).toBe('Valve of Site')
    expect(await held(pump, 'Peers')).toEqual({ entityIds: [valve] })
  })

  it('is done by a writer that has loaded nothing yet', async () => {
    await commit({ mutations: [rule('{"Parent->Label": ref("Peer").Label, "Parent->Valve->Label": "v"}')] })
    await test.restart()
    await commit({ mutations: [feed(int(1n))] })
    expect(await held(site, 'Label')).toBe('none')
    expect(await held(valve, 'Label')).toBe('v')
  })

  it('sees what came before in the commit, and in the commits before it', async () => {
    await commit({ mutations: [rule('{"Count": ref("Peer").Count + value}')] })
    const { outcomes } = await test.commits.commitMany({
      commits: [
        { mutations: [write(valve, 'Count', int(5n)), feed(int(1n))] },
        { mutations: [write(pump, 'Peer', { case: 'entityReference', value: site })] },
        { mutations: [write(site, 'Count', int(7n))] },
        { mutations: [feed(int(1n))] },
      ],
    })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual(['response', 'response', 'response', 'response'])
    expect(await held(pump, 'Count')).toBe('8')
  })

  it('writes nothing for null, and nothing at all without an expression', async () => {
    await commit({ mutations: [rule('{"Count": value > 5 ? value : null, "Level": 1}'), feed(int(1n))] })
    expect([await held(pump, 'Count'), await held(pump, 'Level')]).toEqual(['0', 1])
    const before = await test.commits.commit({ mutations: [rule('')] })
    const { revision } = await test.commits.commit({ mutations: [feed(int(1n))] })
    expect(revision).toBe(before.revision + 1n)
    expect(await held(pump, 'Rule')).toBe('')
  })

  it('goes by the terms of the write', async () => {
    const onlyChanges = { option: WriteOption.IF_CHANGED }
    await commit({ mutations: [rule('{"Count": value}'), feed(int(4n))] })
    const same = await test.commits.commit({ mutations: [feed(int(4n), pump, onlyChanges)] })
    expect(same.commitTime).toBeUndefined()
    expect(same.results).toMatchObject([{ changed: false }])
    expect(await commit({ mutations: [feed(int(5n), pump, onlyChanges)] })).toMatchObject([{ changed: true }])
    await commit({ mutations: [feed(int(6n), pump, { writeTime: { seconds: 1n, nanos: 0 } })] })
    const row = await test.entity(pump)
    expect(row?.writeTimesUs[names.indexOf('Count')]).toBe(1_000_000)
    expect(row?.writeTimesUs[names.indexOf('Rule')]).toBe(1_000_000)
  })

  it('works by a path', async () => {
    await commit({ mutations: [rule('{"Count": value}', valve)] })
    const results = await commit({ mutations: [write(pump, 'Peer->Rule', int(9n))] })
    expect(results).toMatchObject([{ entityId: valve, field: 'Rule', changed: true }])
    expect(await held(valve, 'Count')).toBe('9')
  })

  it('may refer to an entity that nothing else names', async () => {
    await commit({ mutations: [rule('{"Peer": value}', valve)] })
    const far = resultIds(await test.commits.commit({ mutations: [createEntity('Folder', test.root, 'far')] }))
    await test.restart()
    await commit({ mutations: [write(valve, 'Rule', { case: 'string', value: far[0] ?? '' })] })
    expect(await held(valve, 'Peer')).toBe(far[0])
    await commit({ mutations: [{ kind: { case: 'deleteEntity', value: { entityId: far[0] ?? '' } } }] })
    expect(await held(valve, 'Peer')).toBe('')
  })
})

describe('transformations that feed each other', () => {
  it('pass values on, in one revision', async () => {
    await commit({
      mutations: [
        rule('{"Count": value, "Peer->Rule": string(value) + "!"}'),
        rule('{"Label": value, "Parent->Rule": size(value)}', valve),
        rule('{"Count": value}', site),
      ],
    })
    await commit({ mutations: [feed(int(12n))] })
    expect([await held(pump, 'Count'), await held(valve, 'Label'), await held(site, 'Count')]).toEqual([
      '12',
      '12!',
      '3',
    ])
  })

  it.each([
    ['themselves', () => [rule('{"Rule": value + 1}')]],
    ['each other', () => [rule('{"Peer->Rule": value}'), rule('{"Parent->Pump->Rule": value}', valve)]],
  ])('are refused when they feed %s without end, and nothing changes', async (_name, rules) => {
    await commit({ mutations: rules() })
    const error = await problemOf(test.commits.commit({ mutations: [write(site, 'Count', int(1n)), feed(int(1n))] }))
    expect(error).toMatchObject({ code: 'transformation_too_deep', field: 'mutations[1].write_field' })
    expect(await held(site, 'Count')).toBe('0')
  })
})

describe('a transformation that fails', () => {
  it.each<[string, string, string]>([
    ['1 / value', 'expression_failed', 'divide by zero'],
    ['value', 'expression_failed', 'the result is a int, not a map'],
    ['{1: value}', 'expression_failed', 'which is no text'],
    ['{"Count": ref("Peer->Peer").Count}', 'expression_failed', 'Peer of'],
    ['{"Count": "text"}', 'type_mismatch', 'the field is of type Int'],
    ['{"Level": 9007199254740993}', 'value_out_of_range', 'too large'],
    ['{"Mode": "Broken"}', 'unknown_choice', 'Broken'],
    ['{"Missing": 1}', 'unknown_field', 'Missing'],
    ['{"Name": "x"}', 'unknown_field', 'Name'],
    ['{"Nowhere->Count": 1}', 'broken_path', 'Nowhere'],
    ['{"Peer->": 1}', 'invalid_path', 'empty'],
    ['{"Peer": "nobody"}', 'unknown_entity', 'nobody'],
    ['{"Peers": [entity.Peer, entity.Peer]}', 'value_out_of_range', 'twice'],
    ['{"Since": timestamp("2026-01-01T00:00:00.0000001Z")}', 'value_out_of_range', 'microsecond'],
    [
      `{"Count": size([${'1,'.repeat(100)}].map(x, [${'1,'.repeat(500)}].map(y, y)))}`,
      'expression_too_costly',
      'steps',
    ],
  ])('%s: the commit fails, and the error names the expression', async (text, code, message) => {
    await commit({ mutations: [rule(text)] })
    const error = await problemOf(test.commits.commit({ mutations: [write(site, 'Count', int(1n)), feed(int(0n))] }))
    expect(error).toMatchObject({ code, field: 'mutations[1].write_field' })
    expect(error.message).toContain(`the expression in Rule of ${pump}`)
    expect(error.message).toContain(message)
    expect(error.metadata).toMatchObject({ expression: `${pump}->Rule` })
    expect(await held(site, 'Count')).toBe('0')
  })

  it('names the expression that failed, not the one that fed it', async () => {
    await commit({ mutations: [rule('{"Peer->Rule": value}'), rule('{"Count": 1 / value}', valve)] })
    const error = await problemOf(test.commits.commit({ mutations: [feed(int(0n))] }))
    expect(error).toMatchObject({ code: 'expression_failed', metadata: { expression: `${valve}->Rule`, line: '1' } })
  })

  it('does not disturb the commits that were sent with it', async () => {
    await commit({ mutations: [rule('{"Count": 10 / value}')] })
    const { outcomes } = await test.commits.commitMany({
      commits: [5n, 0n, 2n].map((value) => ({ mutations: [feed(int(value))] })),
    })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual(['response', 'problem', 'response'])
    expect(await held(pump, 'Count')).toBe('5')
  })

  it.each<[string, NonNullable<ValueInit>]>([
    ['a timestamp finer than a microsecond', { case: 'timestamp', value: { seconds: 0n, nanos: 1 } }],
  ])('refuses %s as input', async (_name, value) => {
    await commit({ mutations: [rule('{"Label": "x"}')] })
    await expectProblem(
      test.commits.commit({ mutations: [feed(value)] }),
      'value_out_of_range',
      'mutations[0].write_field.value',
    )
  })
})

describe('an expression', () => {
  const cases: [string, (text: string) => RequestInit['mutations'], string][] = [
    ['a write', (text) => [rule(text)], 'mutations[0].write_field.value'],
    [
      'a new entity',
      (text) => [
        createEntity('Machine', test.root, 'new', {
          fields: { Rule: create(ValueSchema, { kind: { case: 'transformation', value: text } }) },
        }),
      ],
      'mutations[0].create_entity.fields["Rule"]',
    ],
    [
      'a default',
      (text) => [
        setSchema({
          type: 'Ruled',
          fields: [
            { name: 'A', valueType: ValueType.INT },
            {
              name: 'Rule',
              valueType: ValueType.TRANSFORMATION,
              defaultValue: { kind: { case: 'transformation', value: text } },
            },
          ],
        }),
      ],
      'mutations[0].set_schema.schema.fields[1].default_value',
    ],
  ]
  it.each(cases)('in %s must compile; the error tells the line and the column', async (_name, mutations, field) => {
    const error = await problemOf(test.commits.commit({ mutations: mutations('{\n  "A": missing}') ?? [] }))
    expect(error).toMatchObject({ code: 'invalid_expression', field, metadata: { line: '2', column: '8' } })
  })

  it('as a default serves all entities of its type', async () => {
    const [, mutations] = cases[2] ?? expect.fail()
    await commit({ mutations: mutations('{"A": value}') ?? [] })
    const [id = ''] = resultIds(await test.commits.commit({ mutations: [createEntity('Ruled', test.root, 'r')] }))
    await commit({ mutations: [feed(int(3n), id)] })
    expect(fromBinary(ValueSchema, (await test.entity(id))?.values[0] ?? new Uint8Array()).kind.value).toBe(3n)
  })
})

describe('the writer', () => {
  it('goes on with other commits between transformations that cost much, and loses none', async () => {
    const costly = `{"Count": size([${'1,'.repeat(100)}].map(x, [${'1,'.repeat(150)}].map(y, y))) + value}`
    await commit({ mutations: [rule(costly)] })
    const commits = Array.from({ length: 20 }, (_, index) => ({ mutations: [feed(int(BigInt(index)))] }))
    const { outcomes } = await test.commits.commitMany({ commits })
    const revisions = outcomes.map(({ outcome }) => (outcome.case === 'response' ? outcome.value.revision : outcome))
    const [first] = revisions
    expect(revisions).toEqual(revisions.map((_, index) => BigInt(Number(first) + index)))
    expect(await held(pump, 'Count')).toBe('119')
  })

  it('takes more new expressions than it compiles at a time', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `{"Count": ${index}${' '.repeat(3_000)}+ value}`)
    await commit({ mutations: [...texts.map((text) => rule(text)), feed(int(1n))] })
    expect(await held(pump, 'Count')).toBe('20')
  })
})
