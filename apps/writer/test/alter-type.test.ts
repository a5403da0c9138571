import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import {
  AccessLevel,
  AlterStepSchema,
  ChildOrder,
  FieldPlanKind,
  MutationSchema,
  ValueSchema,
  ValueType,
  type CommitResponse,
  type Mutation,
  type TypeSchema,
} from '@qcore/contracts'
import { loadFormerFields, loadSchemaVersions, loadTypes } from '@qcore/database'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, deleteEntity, expectProblem, resultIds, setSchema, write } from './_writer-client.ts'

let test: RunningWriter
let type = ''
let run = 0

beforeAll(async () => {
  test = await startWriter()
})
afterAll(() => test[Symbol.asyncDispose]())
beforeEach(async () => {
  type = `Tank${run++}`
  const fields = [
    { name: 'Level', valueType: ValueType.INT },
    { name: 'Label', valueType: ValueType.STRING },
    { name: 'Peer', valueType: ValueType.ENTITY_REFERENCE },
    { name: 'Mode', valueType: ValueType.CHOICE, choices: ['OFF', 'ON', 'AUTO'] },
  ]
  await commit(setSchema({ type, fields }))
})

type Step = MessageInitShape<typeof AlterStepSchema>['kind']

const add = (name: string, valueType: ValueType): Step => ({ case: 'addField', value: { field: { name, valueType } } })
const remove = (field: string): Step => ({ case: 'removeField', value: { field } })
const rename = (field: string, name: string): Step => ({ case: 'renameField', value: { field, name } })
const retype = (name: string, valueType: ValueType, more: object = {}): Step => ({
  case: 'retypeField',
  value: { field: { name, valueType, ...more } },
})

function alter(...kinds: Step[]): Mutation {
  const steps = kinds.map((kind) => create(AlterStepSchema, kind === undefined ? {} : { kind }))
  return create(MutationSchema, { kind: { case: 'alterType', value: { type, steps } } })
}

function deleteType(): Mutation {
  return create(MutationSchema, { kind: { case: 'deleteType', value: { type } } })
}

function commit(...mutations: Mutation[]): Promise<CommitResponse> {
  return test.commits.commit({ mutations })
}

async function newTank(fields: Record<string, object> = {}): Promise<string> {
  const [id = ''] = resultIds(await commit(createEntity(type, test.root, 'tank', { fields })))
  return id
}

const int = (value: bigint): object => ({ kind: { case: 'int', value } })
const text = (value: string): object => ({ kind: { case: 'string', value } })
const reference = (value: string): object => ({ kind: { case: 'entityReference', value } })

async function schemaNow(): Promise<TypeSchema | undefined> {
  return (await loadTypes(test.pool)).schemas.find((schema) => schema.type === type)
}

async function held(id: string): Promise<Record<string, unknown>> {
  const [schema, row] = await Promise.all([schemaNow(), test.entity(id)])
  const names = new Map(schema?.fields.map((field) => [field.id, field.name]))
  expect(row?.fieldIds).toEqual([...names.keys()].sort((a, b) => a - b))
  const values = row?.fieldIds.map((fieldId, index) => [
    names.get(fieldId),
    fromBinary(ValueSchema, row.values[index] ?? Buffer.of()).kind.value,
  ])
  return Object.fromEntries(values ?? []) as Record<string, unknown>
}

describe('altering a type', () => {
  it('adds, removes, renames, retypes and reorders fields as one revision', async () => {
    const id = await newTank({ Level: int(5n), Label: text('x') })
    const before = await test.entity(id)
    const { revision } = await commit(
      alter(
        add('Depth', ValueType.FLOAT),
        remove('Label'),
        rename('Peer', 'Neighbour'),
        retype('Level', ValueType.STRING),
        { case: 'reorderFields', value: { fields: ['Neighbour', 'Depth', 'Level', 'Mode'] } },
      ),
    )
    const schema = await schemaNow()
    expect(schema?.fields.map(({ name, rank }) => [name, rank])).toEqual([
      ['Neighbour', 0],
      ['Depth', 1],
      ['Level', 2],
      ['Mode', 3],
    ])
    expect(schema?.revision).toBe(revision)
    expect(await held(id)).toEqual({ Neighbour: '', Mode: 'OFF', Depth: 0, Level: '5' })
    const record = (await test.log()).at(-1)
    expect(record?.revision).toBe(revision)
    expect(record?.changes.map(({ kind }) => kind.case)).toEqual(['schemaChanged', 'fieldChanged'])
    const level = schema?.fields.find(({ name }) => name === 'Level')
    expect(record?.changes[0]?.kind.value).toMatchObject({
      conversions: [{ fromId: before?.fieldIds[0], toId: level?.id }],
    })
    expect(record?.changes[1]?.kind.value).toMatchObject({ entityId: 'root', name: 'SchemaUpdateTrigger' })
  })

  it('keeps time and writer of what it converts, and what was held before', async () => {
    const id = await newTank({ Level: int(5n) })
    const before = await test.entity(id)
    const { revision } = await commit(alter(retype('Level', ValueType.FLOAT), remove('Label')))
    const after = await test.entity(id)
    expect(after?.writeTimesUs.at(-1)).toBe(before?.writeTimesUs[0])
    expect(after?.writers.at(-1)).toBe(before?.writers[0])
    expect(after?.revisions.at(-1)).toBe(Number(revision))
    const former = await loadFormerFields(test.pool, [id], Number(revision) - 1)
    expect(former.map(({ fieldId, sinceRevision }) => [fieldId, sinceRevision])).toEqual(
      [0, 1].map((position) => [before?.fieldIds[position], before?.revisions[position]]),
    )
    expect(await loadFormerFields(test.pool, [id], Number(revision))).toEqual([])
  })

  it('lets entities be written, created and found as the type is now', async () => {
    const id = await newTank({ Level: int(5n) })
    await commit(alter(retype('Level', ValueType.STRING), rename('Label', 'Title'), add('Extra', ValueType.INT)))
    await expectProblem(commit(write(id, 'Level', { case: 'int', value: 1n })), 'type_mismatch')
    await expectProblem(commit(write(id, 'Label', { case: 'string', value: 'x' })), 'unknown_field')
    await commit(
      write(id, 'Level', { case: 'string', value: 'high' }),
      write(id, 'Title', { case: 'string', value: 't' }),
    )
    const other = await newTank({ Level: text('low'), Extra: int(3n) })
    expect(await held(id)).toMatchObject({ Level: 'high', Title: 't', Extra: 0n })
    expect(await held(other)).toMatchObject({ Level: 'low', Extra: 3n })
    const key = await test.pool.query('select int_key, text_key from field where entity_id = $1 and text_key = $2', [
      id,
      Buffer.from('high'),
    ])
    expect(key.rows).toMatchObject([{ int_key: null }])
  })

  it('gives a field that is added after one of its name was removed another id', async () => {
    const id = await newTank({ Level: int(5n) })
    const first = (await schemaNow())?.fields.find(({ name }) => name === 'Level')?.id
    await commit(alter(remove('Level')))
    await commit(alter(add('Level', ValueType.INT)))
    const second = (await schemaNow())?.fields.find(({ name }) => name === 'Level')?.id
    expect(second).toBeGreaterThan(first ?? Number.POSITIVE_INFINITY)
    expect(await held(id)).toMatchObject({ Level: 0n })
    // In one go, too.
    await commit(alter(remove('Level'), add('Level', ValueType.INT)))
    expect((await schemaNow())?.fields.find(({ name }) => name === 'Level')?.id).toBeGreaterThan(second ?? 0)
  })

  it('refuses a conversion that would lose something, names the entities, and changes nothing', async () => {
    const good = await newTank({ Label: text('7') })
    const bad = await newTank({ Label: text('seven') })
    const before = await schemaNow()
    const error = await commit(alter(retype('Label', ValueType.INT), add('Extra', ValueType.INT))).then(
      () => undefined,
      (reason: unknown) => fromConnectError(reason),
    )
    expect(error).toMatchObject({ code: 'conversion_refused', field: 'mutations[0].alter_type' })
    expect(error?.metadata).toMatchObject({ entity_ids: bad, count: '1' })
    expect(error?.message).toContain('seven')
    expect(await schemaNow()).toEqual(before)
    await commit(write(bad, 'Label', { case: 'string', value: '8' }))
    await commit(alter(retype('Label', ValueType.INT)))
    expect([await held(good), await held(bad)]).toMatchObject([{ Label: 7n }, { Label: 8n }])
  })

  it('takes options away that no entity holds', async () => {
    const id = await newTank({ Mode: { kind: { case: 'choice', value: 'AUTO' } } })
    const fewer = (choices: string[]): Mutation => alter(retype('Mode', ValueType.CHOICE, { choices }))
    await expectProblem(commit(fewer(['OFF', 'ON'])), 'conversion_refused')
    await commit(fewer(['AUTO', 'ON']))
    expect(await held(id)).toMatchObject({ Mode: 'AUTO' })
  })

  it('lets references go with the field, or take the way of the conversion', async () => {
    const target = await newTank()
    const id = await newTank({ Peer: reference(target) })
    await commit(alter(retype('Peer', ValueType.ENTITY_LIST)))
    expect((await held(id))['Peer']).toMatchObject({ entityIds: [target] })
    await commit(deleteEntity(target))
    expect((await held(id))['Peer']).toMatchObject({ entityIds: [] })
    const next = await newTank()
    await commit(write(id, 'Peer', { case: 'entityList', value: { entityIds: [next] } } as never))
    await commit(alter(remove('Peer')))
    const { rows } = await test.pool.query('select 1 from reference where entity_id = $1', [id])
    expect(rows).toEqual([])
    await commit(deleteEntity(next))
  })

  it('converts more entities than one statement takes', async () => {
    const count = 4_500
    for (let start = 0; start < count; start += 500) {
      const mutations = Array.from({ length: 500 }, (_, index) =>
        createEntity(type, test.root, `t${start + index}`, { fields: { Level: int(BigInt(start + index)) } }),
      )
      await commit(...mutations)
    }
    await commit(alter(retype('Level', ValueType.STRING)))
    const { rows } = await test.pool.query<{ count: number; wrong: number }>(
      `select count(*)::int as count, count(*) filter (where 't' || convert_from(f.text_key, 'utf8') <> e.name)::int as wrong
       from entity e join field f on f.entity_id = e.id and f.text_key is not null and f.text_key <> '' and f.field_id = $2
       where e.type = $1`,
      [type, (await schemaNow())?.fields.find(({ name }) => name === 'Level')?.id],
    )
    expect(rows).toEqual([{ count, wrong: 0 }])
  }, 30_000)

  it('changes nothing if the type is as it would become', async () => {
    const before = (await test.log()).length
    const { results } = await commit(
      alter({ case: 'reorderFields', value: { fields: ['Level', 'Label', 'Peer', 'Mode'] } }),
    )
    expect(results[0]?.changed).toBe(false)
    expect((await test.log()).length).toBe(before)
  })

  it.each<[string, () => Step[], string, string]>([
    ['a field that is not there', () => [remove('Nothing')], 'unknown_field', 'steps[0].remove_field.field'],
    [
      'a field that a step before removed',
      () => [remove('Level'), rename('Level', 'X')],
      'unknown_field',
      'steps[1].rename_field.field',
    ],
    ['a name that is taken', () => [rename('Level', 'Label')], 'invalid_schema', 'steps[0].rename_field.name'],
    ['a field twice', () => [add('Label', ValueType.INT)], 'invalid_schema', 'steps[0].add_field.field.name'],
    [
      'an order that leaves a field out',
      () => [{ case: 'reorderFields', value: { fields: ['Level'] } }],
      'invalid_schema',
      'steps[0].reorder_fields.fields',
    ],
    [
      'types without conversion',
      () => [retype('Label', ValueType.BINARY_FILE)],
      'schema_change_refused',
      'steps[0].retype_field.field.value_type',
    ],
    [
      'a Choice without options',
      () => [retype('Label', ValueType.CHOICE)],
      'invalid_schema',
      'steps[0].retype_field.field.choices',
    ],
  ])('refuses %s', async (_what, steps, code, field) => {
    await expectProblem(commit(alter(...steps())), code, `mutations[0].alter_type.${field}`)
  })

  it('needs level admin, a type that is there, and a commit of its own', async () => {
    const client = await test.clientOf('worker', AccessLevel.WRITE)
    await expectProblem(client.commit({ mutations: [alter(remove('Level'))] }), 'permission_denied')
    await expectProblem(
      commit(alter(remove('Level')), createEntity(type, test.root, 'x')),
      'invalid_request',
      'mutations[1]',
    )
    await expectProblem(commit(alter(remove('Level')), alter(remove('Label'))), 'invalid_request', 'mutations[1]')
    type = 'NoType'
    await expectProblem(commit(alter(remove('Level'))), 'unknown_type', 'mutations[0].alter_type.type')
  })

  it('refuses a default that is no expression, and names its step', async () => {
    const given = (name: string, expression: string) => ({
      field: {
        name,
        valueType: ValueType.TRANSFORMATION,
        defaultValue: { kind: { case: 'transformation' as const, value: expression } },
      },
    })
    const added: Step = { case: 'addField', value: given('Rule', 'value +') }
    const path = 'mutations[0].alter_type.steps[1]'
    await expectProblem(
      commit(alter(remove('Label'), added)),
      'invalid_expression',
      `${path}.add_field.field.default_value`,
    )
    await commit(alter({ case: 'addField', value: given('Rule', '{"Level": value}') }))
    const retyped: Step = { case: 'retypeField', value: given('Rule', ')') }
    await expectProblem(
      commit(alter(remove('Label'), retyped)),
      'invalid_expression',
      `${path}.retype_field.field.default_value`,
    )
    await expectProblem(
      commit(alter(retype('Label', ValueType.TRANSFORMATION))),
      'schema_change_refused',
      'mutations[0].alter_type.steps[0].retype_field.field.value_type',
    )
    expect((await schemaNow())?.fields.map(({ name }) => name)).toContain('Label')
  })

  it('keeps permissions, description and default of a field that is renamed or retyped, unless it is told others', async () => {
    const guarded = { read: ['staff'], write: ['hr'] }
    const field = {
      name: 'Guarded',
      valueType: ValueType.INT,
      permissions: guarded,
      description: 'how many',
      defaultValue: { kind: { case: 'int' as const, value: 7n } },
    }
    await commit(alter({ case: 'addField', value: { field } }))
    const now = async (name: string) => (await schemaNow())?.fields.find((each) => each.name === name)
    const step = 'mutations[0].alter_type.steps[0].retype_field.field'
    await commit(
      alter(rename('Guarded', 'Kept'), {
        case: 'reorderFields',
        value: { fields: ['Kept', 'Level', 'Label', 'Peer', 'Mode'] },
      }),
    )
    expect(await now('Kept')).toMatchObject({ permissions: guarded, description: 'how many' })
    await commit(alter(retype('Kept', ValueType.FLOAT, { unindexed: true })))
    expect(await now('Kept')).toMatchObject({
      permissions: guarded,
      description: 'how many',
      defaultValue: { kind: { case: 'float', value: 7 } },
    })
    const half = { defaultValue: { kind: { case: 'float', value: 0.5 } } }
    await commit(alter(retype('Kept', ValueType.FLOAT, { ...half, permissions: {} })))
    expect(await now('Kept')).not.toHaveProperty('permissions')
    await expectProblem(commit(alter(retype('Kept', ValueType.INT))), 'schema_change_refused', `${step}.default_value`)
    const other = { defaultValue: { kind: { case: 'int', value: 1n } } }
    await commit(alter(retype('Kept', ValueType.INT, other), retype('Label', ValueType.INT)))
    // What holds without a default has no need to be converted.
    expect(await now('Label')).toMatchObject({ defaultValue: { kind: { case: 'int', value: 0n } } })
    expect(await held(await newTank())).toMatchObject({ Kept: 1n, Label: 0n })
  })

  it('hides at once what it asks a permission for, and shows what it asks for no more', async () => {
    const writer = await test.clientOf('worker', AccessLevel.WRITE)
    const id = await newTank()
    const field = { name: 'Guarded', valueType: ValueType.INT, permissions: { read: ['staff'], write: ['staff'] } }
    const tries = () => writer.commit({ mutations: [write(id, 'Guarded', { case: 'int', value: 1n })] })
    await commit(alter({ case: 'addField', value: { field } }))
    await expectProblem(tries(), 'unknown_field')
    await commit(
      alter(rename('Guarded', 'Open'), retype('Open', ValueType.INT, { permissions: {} }), rename('Open', 'Guarded')),
    )
    await tries()
    await commit(deleteEntity(id))
    await commit(setSchema({ type: `${type}Shut`, permissions: { write: ['staff'] }, fields: [] }))
    const shut = { mutations: [createEntity(`${type}Shut`, test.root, 'x')] }
    await expectProblem(writer.commit(shut), 'permission_denied')
    type = `${type}Shut`
    await commit(deleteType())
    await commit(setSchema({ type, fields: [] }))
    await writer.commit(shut)
  })

  it('leaves nothing behind of what it takes away', async () => {
    const target = await newTank({ Label: text('6') })
    await newTank({ Level: int(5n), Label: text('7'), Peer: reference(target) })
    await commit(alter(remove('Peer'), retype('Label', ValueType.INT), rename('Level', 'Height'), remove('Mode')))
    const known = (await loadTypes(test.pool)).schemas.flatMap(({ fields }) => fields.map((field) => field.id))
    const orphans = await test.pool.query(
      `select 1 from field where not field_id = any($1::int[])
       union all select 1 from reference where not field_id = any($1::int[])`,
      [known],
    )
    expect(orphans.rows).toEqual([])
  })

  it('is made by one of several that come at once', async () => {
    const id = await newTank({ Level: int(5n) })
    const attempts = await Promise.allSettled([
      ...Array.from({ length: 5 }, () => commit(alter(rename('Level', 'Height')))),
      ...Array.from({ length: 20 }, () => commit(write(id, 'Label', { case: 'string', value: 'x' }))),
    ])
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(21)
    expect(await held(id)).toMatchObject({ Height: 5n, Label: 'x' })
  })
})

describe('the rules for children', () => {
  it('ask for different names if there are only such', async () => {
    const parent = await newTank()
    const [, twin = ''] = resultIds(
      await commit(createEntity('Folder', parent, 'a'), createEntity('Folder', parent, 'a')),
    )
    const unique = alter({ case: 'setChildRules', value: { uniqueChildNames: true } })
    await expectProblem(commit(unique), 'conversion_refused')
    await commit(deleteEntity(twin))
    await commit(unique)
    await expectProblem(commit(createEntity('Folder', parent, 'a')), 'name_taken')
    await commit(alter({ case: 'setChildRules', value: { uniqueChildNames: false } }))
    await commit(createEntity('Folder', parent, 'a'))
  })

  it('order children by name at first, and keep places when they are ordered by name for a while', async () => {
    const parent = await newTank()
    const names = async (): Promise<unknown[]> => {
      const { rows } = await test.pool.query<{ name: string }>(
        'select name from entity where parent_id = $1 order by place, id',
        [parent],
      )
      return rows.map(({ name }) => name)
    }
    await commit(...['c', 'a', 'b'].map((name) => createEntity('Folder', parent, name)))
    const order = (childOrder: ChildOrder): Mutation => alter({ case: 'setChildRules', value: { childOrder } })
    await commit(order(ChildOrder.EXPLICIT))
    expect(await names()).toEqual(['a', 'b', 'c'])
    await commit(createEntity('Folder', parent, '0'))
    expect(await names()).toEqual(['a', 'b', 'c', '0'])
    await commit(order(ChildOrder.NAME))
    await commit(createEntity('Folder', parent, 'A'))
    await commit(order(ChildOrder.EXPLICIT))
    expect(await names()).toEqual(['a', 'b', 'c', '0', 'A'])
  })
})

describe('deleting a type', () => {
  it('is refused while there are entities, and for the type of the root', async () => {
    const id = await newTank()
    await expectProblem(commit(deleteType()), 'type_in_use', 'mutations[0].delete_type')
    await commit(deleteEntity(id))
    await commit(deleteType())
    await expectProblem(commit(createEntity(type, test.root, 'x')), 'unknown_type')
    await expectProblem(commit(deleteType()), 'unknown_type', 'mutations[0].delete_type.type')
    const change = (await test.log()).at(-1)?.changes[0]?.kind
    expect(change).toMatchObject({ case: 'schemaChanged', value: { previous: { type } } })
    expect(change?.value).not.toHaveProperty('schema')
    type = 'Root'
    await expectProblem(commit(deleteType()), 'root_protected')
  })

  it('lets another type of the name be made, with fields of other ids', async () => {
    const before = (await schemaNow())?.fields.map((field) => field.id) ?? []
    await commit(deleteType())
    await commit(setSchema({ type, fields: [{ name: 'Level', valueType: ValueType.INT }] }))
    const after = (await schemaNow())?.fields.map((field) => field.id) ?? []
    expect(Math.min(...after)).toBeGreaterThan(Math.max(...before))
  })
})

describe('a dry run', () => {
  it('tells what would change, and changes nothing', async () => {
    const target = await newTank({ Label: text('x') })
    await newTank({ Label: text('1'), Peer: reference(target) })
    const [before, head] = [await schemaNow(), (await test.log()).length]
    const { plans, results, commitTime } = await test.commits.commit({
      mutations: [
        alter(
          retype('Label', ValueType.INT),
          remove('Peer'),
          rename('Level', 'Height'),
          add('Extra', ValueType.STRING),
          retype('Mode', ValueType.CHOICE, { choices: ['OFF'], unindexed: true }),
        ),
      ],
      dryRun: true,
    })
    expect(commitTime).toBeUndefined()
    expect(results).toMatchObject([{ changed: true }])
    expect(plans).toMatchObject([
      {
        type,
        entities: 2n,
        obstacleCount: 1n,
        obstacles: [{ entityId: target, field: 'Label' }],
        fields: [
          { kind: FieldPlanKind.ADDED, field: 'Extra', values: 2n, indexedAfter: true },
          { kind: FieldPlanKind.REMOVED, field: 'Peer', values: 2n, references: 1n },
          { kind: FieldPlanKind.RETYPED, field: 'Label', values: 2n },
          { kind: FieldPlanKind.RETYPED, field: 'Mode', values: 2n, indexedBefore: true, indexedAfter: false },
          { kind: FieldPlanKind.RENAMED, field: 'Height', previousName: 'Level', values: 0n },
        ].map((plan) => expect.objectContaining(plan) as unknown),
      },
    ])
    expect(plans[0]?.schema?.fields.map(({ name }) => name)).toEqual(['Height', 'Label', 'Mode', 'Extra'])
    expect([await schemaNow(), (await test.log()).length]).toEqual([before, head])
  })

  it('of a move leaves the tree as it is', async () => {
    const [top, low] = [await newTank(), await newTank()]
    const [child = ''] = resultIds(await commit(createEntity('Folder', low, 'child')))
    const move = create(MutationSchema, { kind: { case: 'moveEntity', value: { entityId: low, parentId: top } } })
    await test.commits.commit({ mutations: [move], dryRun: true })
    const depths = async () =>
      (
        await test.pool.query('select id, depth, parent_id from entity where id = any($1) order by depth', [
          [low, child],
        ])
      ).rows
    const before = await depths()
    expect(before).toMatchObject([
      { id: low, depth: 2, parent_id: test.root },
      { id: child, depth: 3 },
    ])
    await commit(move)
    expect(await depths()).toMatchObject([
      { id: low, depth: 3, parent_id: top },
      { id: child, depth: 4 },
    ])
  })

  it('of any other commit gives its answer or its error', async () => {
    const id = await newTank()
    const head = (await test.log()).length
    const dryRun = { dryRun: true, idempotencyKey: 'dry' }
    const made = await test.commits.commit({ mutations: [createEntity(type, test.root, 'x')], ...dryRun })
    expect(made.results[0]).toMatchObject({ changed: true })
    const wrong = { mutations: [write(id, 'Nothing', { case: 'int', value: 1n })], ...dryRun }
    await expectProblem(test.commits.commit(wrong), 'unknown_field')
    const inUse = await test.commits.commit({ mutations: [deleteType()], ...dryRun })
    expect(inUse.plans).toMatchObject([{ obstacleCount: 1n, obstacles: [{ entityId: id }] }])
    expect((await test.log()).length).toBe(head)
    // The key is still free, and what was tried is not there.
    await test.commits.commit({ mutations: [createEntity(type, test.root, 'y')], idempotencyKey: 'dry' })
    const { rows } = await test.pool.query('select name from entity where type = $1 order by name', [type])
    expect(rows.map(({ name }: { name?: string }) => name)).toEqual(['tank', 'y'])
  })
})

it('keeps every version of a schema, with when it came and went', async () => {
  const first = Number((await schemaNow())?.revision)
  const second = Number((await commit(alter(rename('Level', 'Height')))).revision)
  const third = Number((await commit(setSchema({ ...(await schemaNow()), description: 'new' } as never))).revision)
  const fourth = Number((await commit(deleteType())).revision)
  const fifth = Number((await commit(setSchema({ type, fields: [] }))).revision)
  const { versions } = await loadSchemaVersions(test.pool, type)
  expect(versions.map(({ schema, replacedRevision }) => [Number(schema.revision), replacedRevision])).toEqual([
    [first, second],
    [second, third],
    [third, fourth],
    [fifth, 0],
  ])
})

it('takes longer than the lease if it must, and the writer goes on leading', async () => {
  const lease = { Q_WRITER_LEASE_MS: '1500', Q_WRITER_LEASE_RENEW_MS: '300', Q_WRITER_LEASE_MARGIN_MS: '300' }
  await using slow = await startWriter(lease)
  await slow.pool.query(`
    create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(2.5); return null; end';
    create trigger slow before insert on former_field for each statement execute function wait()`)
  const epoch = async (): Promise<number> => Number((await slow.log()).at(-1)?.epoch)
  const before = await epoch()
  const startedMs = performance.now()
  const steps = [create(AlterStepSchema, { kind: remove('Label') as never })]
  const mutations = [create(MutationSchema, { kind: { case: 'alterType', value: { type: 'Machine', steps } } })]
  await slow.commits.commit({ mutations }, { timeoutMs: 10_000 })
  expect(performance.now() - startedMs).toBeGreaterThan(2_500)
  await slow.commits.commit({ mutations: [createEntity('Machine', slow.root, 'after')] })
  expect(await epoch()).toBe(before)
}, 20_000)

it('a change may take as long as it needs, and holds nothing up when its writer is gone', async () => {
  await commit(createEntity(type, 'root', 'a'))
  await test.pool.query('create table seen (statement text, idle text, check_interval text)')
  await test.pool.query(`
    create function see() returns trigger language plpgsql as $$ begin
      insert into seen select current_setting('statement_timeout'),
        current_setting('idle_in_transaction_session_timeout'), current_setting('client_connection_check_interval');
      return new;
    end $$`)
  await test.pool.query('create trigger see after insert on field for each row execute function see()')
  await commit(alter(add('Added', ValueType.INT)))
  await test.pool.query('drop trigger see on field')
  const { rows } = await test.pool.query('select distinct * from seen')
  expect(rows).toEqual([{ statement: '1h', idle: '5s', check_interval: '5s' }])
})
