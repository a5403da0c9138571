import { fromBinary } from '@bufbuild/protobuf'
import { AccessLevel, ValueSchema, ValueType } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { machineSchema, startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, expectProblem, resultIds, setSchema, write } from './_writer-client.ts'

let test: RunningWriter

beforeAll(async () => {
  test = await startWriter()
})
afterAll(() => test[Symbol.asyncDispose]())

async function newEntity(type: string): Promise<string> {
  return resultIds(await test.commits.commit({ mutations: [createEntity(type, test.root, 'm')] }))[0] ?? ''
}

describe('setting a schema', () => {
  it('gives existing entities the default of an added field, those of the same commit included', async () => {
    const fields = [{ name: 'A', valueType: ValueType.INT }]
    await test.commits.commit({ mutations: [setSchema({ type: 'Growing', fields })] })
    const old = await newEntity('Growing')
    const kind = { case: 'int' as const, value: 42n }
    const grown = [...fields, { name: 'B', valueType: ValueType.INT, defaultValue: { kind } }]
    const { revision } = await test.commits.commit({
      mutations: [
        createEntity('Growing', test.root, 'before', { entityId: 'grow-1' }),
        setSchema({ type: 'Growing', fields: grown }),
        createEntity('Growing', test.root, 'after', { entityId: 'grow-2' }),
        write(old, 'A', { case: 'int', value: 1n }),
        write('grow-1', 'B', { case: 'int', value: 43n }),
      ],
    })
    for (const [id, expected] of [
      [old, [1n, 42n]],
      ['grow-1', [0n, 43n]],
      ['grow-2', [0n, 42n]],
    ] as const) {
      const entity = await test.entity(id)
      expect(entity?.values.map((bytes) => fromBinary(ValueSchema, bytes).kind.value)).toEqual(expected)
      expect(entity?.revisions[1]).toBe(Number(revision))
    }
    await test.commits.commit({ mutations: [write(old, 'B', { case: 'int', value: 50n })] })
    const change = (await test.log()).at(-1)?.changes[0]?.kind.value
    expect(change).toMatchObject({ previous: { value: { kind: { value: 42n } }, revision } })
  })

  it('changes nothing if it is the schema that is there', async () => {
    const before = (await test.log()).length
    const response = await test.commits.commit({ mutations: [machineSchema()] })
    expect(response.results).toMatchObject([{ changed: false }])
    expect((await test.log()).length).toBe(before)
  })

  it('refuses to lose or retype a field', async () => {
    await test.commits.commit({
      mutations: [setSchema({ type: 'Fixed', fields: [{ name: 'A', valueType: ValueType.INT }] })],
    })
    const lost = setSchema({ type: 'Fixed', fields: [] })
    await expectProblem(
      test.commits.commit({ mutations: [lost] }),
      'schema_change_refused',
      'mutations[0].set_schema.schema.fields',
    )
    const retyped = setSchema({ type: 'Fixed', fields: [{ name: 'A', valueType: ValueType.STRING }] })
    await expectProblem(test.commits.commit({ mutations: [retyped] }), 'schema_change_refused')
  })

  it('leaves no trace if a later mutation of the commit fails', async () => {
    const mutations = [
      setSchema({ type: 'Undone', fields: [{ name: 'A', valueType: ValueType.INT }] }),
      createEntity('Undone', 'nobody', 'm'),
    ]
    await expectProblem(test.commits.commit({ mutations }), 'unknown_entity')
    const creation = createEntity('Undone', test.root, 'm')
    await expectProblem(test.commits.commit({ mutations: [creation] }), 'unknown_type')
  })

  it('needs level admin', async () => {
    const writerOnly = await test.clientOf('worker', AccessLevel.WRITE)
    await expectProblem(
      writerOnly.commit({ mutations: [setSchema({ type: 'X', fields: [] })] }),
      'permission_denied',
      'level',
    )
    const reader = await test.clientOf('visitor', AccessLevel.READ)
    await expectProblem(reader.commit({ mutations: [createEntity('Folder', test.root, 'f')] }), 'permission_denied')
  })
})

describe('a condition', () => {
  it('on a revision, a value or an existence lets the commit through only if it holds', async () => {
    const id = await newEntity('Machine')
    const int = (value: bigint): { case: 'int'; value: bigint } => ({ case: 'int', value })
    const { revision } = await test.commits.commit({ mutations: [write(id, 'Count', int(1n))] })
    const mutations = [write(id, 'Count', int(2n))]
    const holds = [
      { kind: { case: 'fieldRevision' as const, value: { entityId: id, field: 'Count', revision } } },
      { kind: { case: 'fieldValue' as const, value: { entityId: id, field: 'Count', value: { kind: int(1n) } } } },
      { kind: { case: 'entityExists' as const, value: { entityId: id, exists: true } } },
      { kind: { case: 'entityExists' as const, value: { entityId: 'nobody', exists: false } } },
    ]
    await test.commits.commit({ mutations, conditions: holds })
    const parts = ['field_revision', 'field_value']
    for (const [index, part] of parts.entries()) {
      const condition = holds[index]
      if (condition === undefined) throw new Error('there are four conditions')
      const call = test.commits.commit({ mutations, conditions: [condition] })
      await expectProblem(call, 'condition_failed', `conditions[0].${part}`)
    }
    const missing = { kind: { case: 'entityExists' as const, value: { entityId: 'nobody', exists: true } } }
    await expectProblem(test.commits.commit({ mutations, conditions: [missing] }), 'condition_failed')
  })

  it('is compared with what earlier commits of the same group wrote', async () => {
    const id = await newEntity('Machine')
    const increment = (from: bigint): object => ({
      mutations: [write(id, 'Count', { case: 'int', value: from + 1n })],
      conditions: [
        {
          kind: {
            case: 'fieldValue',
            value: { entityId: id, field: 'Count', value: { kind: { case: 'int', value: from } } },
          },
        },
      ],
    })
    const { outcomes } = await test.commits.commitMany({ commits: [increment(0n), increment(1n), increment(1n)] })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual(['response', 'response', 'problem'])
  })
})

describe('an idempotency key', () => {
  it('gets the first answer again and changes nothing', async () => {
    const request = { mutations: [createEntity('Machine', test.root, 'once')], idempotencyKey: 'once' }
    const first = await test.commits.commit(request)
    const before = (await test.log()).length
    const second = await test.commits.commit({ ...request, mutations: [createEntity('Machine', test.root, 'once')] })
    expect(second).toEqual(first)
    expect((await test.log()).length).toBe(before)
    const { outcomes } = await test.commits.commitMany({ commits: [request, request] })
    expect(outcomes.map(({ outcome }) => outcome.value)).toEqual([first, first])
  })

  it('is refused for other mutations, and free again after a failure', async () => {
    const id = await newEntity('Machine')
    const wrong = { mutations: [write(id, 'Nothing', { case: 'int', value: 1n })], idempotencyKey: 'second' }
    await expectProblem(test.commits.commit(wrong), 'unknown_field')
    const right = { mutations: [write(id, 'Count', { case: 'int', value: 1n })], idempotencyKey: 'second' }
    await test.commits.commit(right)
    const other = { mutations: [write(id, 'Count', { case: 'int', value: 2n })], idempotencyKey: 'second' }
    await expectProblem(test.commits.commit(other), 'idempotency_key_reused', 'idempotency_key')
    await expectProblem(test.commits.commit({ ...right, idempotencyKey: 'a\u0000b' }), 'invalid_request')
  })

  it('of several commits sent at once makes one of them', async () => {
    const request = { mutations: [createEntity('Machine', test.root, 'race')], idempotencyKey: 'race' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => test.commits.commit(request)))
    expect(new Set(answers.map(({ revision }) => revision)).size).toBe(1)
    expect(new Set(answers.flatMap(resultIds)).size).toBe(1)
  })
})
