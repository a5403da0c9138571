import { create, toJson, type MessageInitShape } from '@bufbuild/protobuf'
import {
  AlterStepSchema,
  HistoryChangeSchema,
  FieldDefinitionSchema,
  PermissionsSchema,
  TypeSchemaSchema,
  ValueType,
  type TypeSchema,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failureOf, latest, startReader, type ReadClients, type TestReader } from './_reader.ts'

let reader: TestReader
let plain: ReadClients
let staff: ReadClients
let payroll: ReadClients
/** Before anything was restricted. */
let openRevision: bigint

/** People are seen by staff only, salaries by payroll only. */
function personSchema(previous: TypeSchema | undefined, restricted: boolean): TypeSchema {
  const ids = previous?.fields.map(({ id }) => id)
  const field = (index: number, name: string, valueType: ValueType, read: readonly string[] = []) =>
    create(FieldDefinitionSchema, {
      name,
      valueType,
      rank: index,
      ...(ids === undefined ? {} : { id: ids[index] ?? 0 }),
      ...(restricted && read.length > 0 ? { permissions: create(PermissionsSchema, { read: [...read] }) } : {}),
    })
  return create(TypeSchemaSchema, {
    type: 'Person',
    ...(restricted ? { permissions: create(PermissionsSchema, { read: ['staff'] }) } : {}),
    fields: [
      field(0, 'Phone', ValueType.STRING),
      field(1, 'Salary', ValueType.INT, ['pay']),
      field(2, 'Desk', ValueType.ENTITY_REFERENCE),
    ],
  })
}

const deskSchema = create(TypeSchemaSchema, {
  type: 'Desk',
  fields: [
    { name: 'Owner', valueType: ValueType.ENTITY_REFERENCE },
    { name: 'Owners', valueType: ValueType.ENTITY_LIST },
    { name: 'Code', valueType: ValueType.INT, permissions: { read: ['keys'] } },
    { name: 'Color', valueType: ValueType.STRING },
  ],
})

beforeAll(async () => {
  reader = await startReader()
  await reader.commit(
    { kind: 'schema', schema: personSchema(undefined, false) },
    { kind: 'schema', schema: deskSchema },
  )
  openRevision = await reader.commit(
    { kind: 'create', type: 'Desk', id: 'desk', parentId: 'root', name: 'Desk', values: { Code: 42n, Color: 'red' } },
    { kind: 'create', type: 'Person', id: 'ada', parentId: 'desk', name: 'Ada', values: { Phone: '123', Salary: 7n } },
    { kind: 'create', type: 'Desk', id: 'shelf', parentId: 'desk', name: 'Shelf', values: { Color: 'blue' } },
    { kind: 'create', type: 'Desk', id: 'box', parentId: 'ada', name: 'Box' },
    { kind: 'write', id: 'desk', field: 'Owner', value: 'ada' },
    { kind: 'write', id: 'desk', field: 'Owners', value: ['ada', 'shelf'] },
  )
  const person = reader.raw.state.types.get('Person')?.schema
  await reader.commit({ kind: 'schema', schema: personSchema(person, true) })
  await reader.commit({ kind: 'write', id: 'ada', field: 'Salary', value: 9n })
  ;[plain, staff, payroll] = await Promise.all([
    reader.holding(),
    reader.holding('staff'),
    reader.holding('staff', 'pay'),
  ])
})
afterAll(() => reader[Symbol.asyncDispose]())

const asOf = () => ({ demand: { case: 'asOfRevision' as const, value: openRevision } })

/** The value, or the code of the problem, of each path. */
async function valuesOf(
  { read }: Pick<ReadClients, 'read'>,
  reads: readonly (readonly [entityId: string, path: string])[],
  consistency: object = latest,
): Promise<unknown[]> {
  const request = { reads: reads.map(([entityId, path]) => ({ entityId, path })), consistency }
  const { results } = await read.readFields(request)
  return results.map(({ outcome }) => {
    if (outcome.case === 'problem') return outcome.value.code
    const kind = outcome.value?.value?.kind
    return kind?.case === 'entityList' ? kind.value.entityIds : kind?.value
  })
}

const paths = [
  ['ada', 'Phone'],
  ['ada', 'Salary'],
  ['ada', 'Name'],
  ['desk', 'Code'],
  ['desk', 'Color'],
  ['desk', 'Owner'],
  ['desk', 'Owner->Phone'],
  ['desk', 'Owner->Name'],
  ['desk', 'Owners->0->Name'],
  ['desk', 'Owners->1->Color'],
  ['desk', 'Ada->Phone'],
  ['desk', 'Children'],
  ['desk', 'Children->0->Name'],
  ['box', 'Parent->Name'],
  ['box', 'Parent'],
  ['desk', 'Owner->Desk->Color'],
] as const

const seenByPlain = [
  'unknown_entity',
  'unknown_entity',
  'unknown_entity',
  'unknown_field',
  'red',
  'ada',
  'broken_path',
  'broken_path',
  'broken_path',
  'blue',
  'broken_path',
  ['shelf'],
  'Shelf',
  'broken_path',
  'ada',
  'broken_path',
]

describe('reading fields', () => {
  it('finds nothing of what the caller may not see, by no path', async () => {
    expect(await valuesOf(plain, paths)).toEqual(seenByPlain)
    expect(await valuesOf({ read: plain.readJson }, paths)).toEqual(seenByPlain)
    expect((await valuesOf(staff, paths)).slice(0, 4)).toEqual(['123', 'unknown_field', 'Ada', 'unknown_field'])
    expect((await valuesOf(payroll, paths)).slice(0, 3)).toEqual(['123', 9n, 'Ada'])
    expect(await valuesOf(staff, [['desk', 'Children']])).toEqual([['ada', 'shelf']])
  })

  it('shows of the past only what may be seen now', async () => {
    expect(await valuesOf(plain, paths, asOf())).toEqual(seenByPlain)
    const past = [paths[0], paths[1]] as const
    expect(await valuesOf(staff, past, asOf())).toEqual(['123', 'unknown_field'])
    expect(await valuesOf(payroll, past, asOf())).toEqual(['123', 7n])
  })
})

describe('reading entities, children and types', () => {
  it('leaves out what the caller may not see', async () => {
    for (const consistency of [latest, asOf()]) {
      const { results } = await plain.read.getEntities({ entityIds: ['ada', 'desk'], consistency })
      expect(results.map(({ outcome }) => outcome.case)).toEqual(['problem', 'entity'])
      const children = await plain.read.listChildren({ entityId: 'desk', limit: 1, consistency })
      expect(children.children.map(({ id }) => id)).toEqual(['shelf'])
      expect(children.nextCursor).toBe('')
      expect(await failureOf(plain.read.listChildren({ entityId: 'ada', consistency }))).toEqual({
        code: 'unknown_entity',
        field: 'entity_id',
      })
      expect((await staff.read.listChildren({ entityId: 'desk', consistency })).children).toHaveLength(2)
      const { types } = await plain.read.listTypes({ consistency })
      expect(types).not.toContain('Person')
      expect((await staff.read.listTypes({ consistency })).types).toContain('Person')
      const { exists } = await plain.read.checkExists({
        consistency,
        questions: [
          { subject: { case: 'entityId', value: 'ada' } },
          { subject: { case: 'type', value: 'Person' } },
          { subject: { case: 'typeField', value: { type: 'Desk', field: 'Code' } } },
          { subject: { case: 'typeField', value: { type: 'Desk', field: 'Color' } } },
        ],
      })
      expect(exists).toEqual([false, false, false, true])
    }
  })

  it('shows schemas without what the caller may not see', async () => {
    expect((await failureOf(plain.read.getSchema({ type: 'Person' }))).code).toBe('unknown_type')
    const { schema } = await staff.read.getSchema({ type: 'Person' })
    expect(schema?.fields.map(({ name }) => name)).toEqual(['Phone', 'Desk'])
    expect(schema?.permissions?.read).toEqual(['staff'])
    const desk = await plain.read.getSchema({ type: 'Desk' })
    expect(desk.schema?.fields.map(({ name }) => name)).toEqual(['Owner', 'Owners', 'Color'])
  })
})

const code = { kind: { case: 'int' as const, value: 42n } }

describe('finding', () => {
  it('cannot look for, order by or select what the caller may not see', async () => {
    const find = (request: object) => failureOf(plain.read.findEntities({ type: 'Desk', ...request }))
    expect((await failureOf(plain.read.findEntities({ type: 'Person' }))).code).toBe('unknown_type')
    expect(await find({ filters: [{ field: 'Code', comparison: 1, value: code }] })).toEqual({
      code: 'unknown_field',
      field: 'filters[0].field',
    })
    expect((await find({ order: { field: 'Code' } })).code).toBe('unknown_field')
    expect((await find({ select: ['Code'] })).code).toBe('unknown_field')
    const { entities } = await plain.read.findEntities({ type: 'Desk', select: ['Children'], consistency: latest })
    const children = entities.find(({ entity }) => entity?.id === 'desk')?.fields[0]?.value?.kind.value
    expect(children).toMatchObject({ entityIds: ['shelf'] })
    const keys = await reader.holding('keys')
    const found = await keys.read.findEntities({
      type: 'Desk',
      filters: [{ field: 'Code', comparison: 1, value: code }],
      consistency: latest,
    })
    expect(found.entities).toHaveLength(1)
  })

  const ask = ({ queries }: ReadClients, text: string, consistency: object = latest) =>
    queries.query({ source: { case: 'text', value: text }, consistency })

  it.each([
    ['SELECT Phone FROM Person', 'unknown_type'],
    ['SELECT Code FROM Desk', 'unknown_field'],
    ['SELECT Color FROM Desk WHERE Code = 42', 'unknown_field'],
    ['SELECT Color FROM Desk ORDER BY Code', 'unknown_field'],
    ["SELECT Color FROM Desk WHERE Owner->Phone = '123'", 'unknown_field'],
    ['SELECT Owner->Salary FROM Desk', 'unknown_field'],
  ])('refuses %s', async (text, expected) => {
    expect((await failureOf(ask(plain, text))).code).toBe(expected)
    expect((await failureOf(ask(plain, text, asOf()))).code).toBe(expected)
    const explained = plain.queries.explain({ source: { case: 'text', value: text } })
    expect((await failureOf(explained)).code).toBe(expected)
  })

  it.each([
    ["SELECT Color FROM Desk WHERE Owner->Name = 'Ada'", 0, 1],
    ["SELECT Color FROM Desk WHERE Parent->Name = 'Ada'", 0, 1],
    ["SELECT Color FROM Desk WHERE Owner->Parent->Name = 'Desk'", 0, 1],
    ["SELECT Color FROM Desk WHERE Owners->0->Name = 'Ada'", 0, 1],
    ["SELECT Color FROM Desk WHERE NOT Owner->Name = 'Eve'", 3, 3],
  ])('follows no path through what the caller may not see: %s', async (text, ofPlain, ofStaff) => {
    for (const consistency of [latest, asOf()]) {
      expect((await ask(plain, text, consistency)).entities).toHaveLength(ofPlain)
      expect((await ask(staff, text, consistency)).entities).toHaveLength(ofStaff)
    }
  })

  it('selects nothing of what the caller may not see', async () => {
    const text = "SELECT Owner->Name, Children, Owner->Children FROM Desk WHERE Color = 'red'"
    const cases = async (clients: ReadClients, consistency: object) => {
      const [found] = (await ask(clients, text, consistency)).entities
      return found?.fields.map(({ outcome }) => {
        const kind = outcome.case === 'field' ? outcome.value.value?.kind : undefined
        return kind?.case === 'entityList' ? kind.value.entityIds : (kind?.value ?? outcome.case)
      })
    }
    for (const consistency of [latest, asOf()]) {
      expect(await cases(plain, consistency)).toEqual(['problem', ['shelf'], 'problem'])
      expect(await cases(staff, consistency)).toEqual(['Ada', ['ada', 'shelf'], ['box']])
    }
    const all = await ask(plain, "SELECT * FROM Desk WHERE Color = 'red'")
    expect(all.columns).toEqual(['Owner', 'Owners', 'Color'])
    const counted = "SELECT COUNT(*) FROM Desk WHERE Owner->Name = 'Ada'"
    expect([(await ask(plain, counted)).count, (await ask(staff, counted)).count]).toEqual([0n, 1n])
  })
})

describe('history', () => {
  it('lists only changes of what the caller may see', async () => {
    expect(await failureOf(plain.history.listChanges({ entityId: 'ada' }))).toEqual({
      code: 'unknown_entity',
      field: 'entity_id',
    })
    const kinds = async (clients: ReadClients, request: object) => {
      const { changes } = await clients.history.listChanges({ entityId: 'ada', ...request })
      return changes.map(({ change }) => {
        const kind = change?.kind
        if (kind?.case === 'entityCreated') return kind.value.fields.map(({ name }) => name)
        return kind?.case === 'fieldChanged' ? kind.value.name : kind?.case
      })
    }
    expect(await kinds(payroll, {})).toEqual(['Salary', ['Phone', 'Salary', 'Desk']])
    expect(await kinds(staff, {})).toEqual([['Phone', 'Desk']])
    expect(await failureOf(staff.history.listChanges({ entityId: 'ada', field: 'Salary' }))).toEqual({
      code: 'unknown_field',
      field: 'field',
    })
    const commits = await failureOf(payroll.history.listCommits({}))
    expect(commits.code).toBe('permission_denied')
  })

  it('goes by what a field was, not by its name', async () => {
    const step = (kind: NonNullable<MessageInitShape<typeof AlterStepSchema>['kind']>) =>
      create(AlterStepSchema, { kind })
    const alter = (...steps: ReturnType<typeof step>[]) => reader.commit({ kind: 'alter', type: 'Safe', steps })
    const secret = { name: 'Secret', valueType: ValueType.STRING }
    await reader.commit(
      {
        kind: 'schema',
        schema: create(TypeSchemaSchema, { type: 'Safe', fields: [{ ...secret, permissions: { read: ['keys'] } }] }),
      },
      { kind: 'create', type: 'Safe', id: 'safe', parentId: 'root', name: 'safe', values: { Secret: 'made with' } },
    )
    await reader.commit({ kind: 'write', id: 'safe', field: 'Secret', value: '1234' })
    await alter(
      step({ case: 'renameField', value: { field: 'Secret', name: 'Code' } }),
      step({ case: 'addField', value: { field: secret } }),
    )
    await reader.commit({ kind: 'write', id: 'safe', field: 'Secret', value: 'known to all' })
    const keys = await reader.holding('keys')
    const seen = async ({ history }: ReadClients, field = ''): Promise<string> =>
      JSON.stringify(
        (await history.listChanges({ entityId: 'safe', field })).changes.map((change) =>
          toJson(HistoryChangeSchema, change),
        ),
      )
    expect(await seen(keys)).toMatch(/known to all.*1234.*made with/)
    for (const field of ['', 'Secret']) {
      const listed = await seen(plain, field)
      expect(listed).toContain('known to all')
      expect(listed).not.toMatch(/1234|made with|Code/)
    }
    expect(await failureOf(plain.history.listChanges({ entityId: 'safe', field: 'Code' }))).toMatchObject({
      code: 'unknown_field',
    })
    // Nobody may see more of it because it is gone.
    await alter(step({ case: 'removeField', value: { field: 'Code' } }))
    expect(await seen(keys)).toContain('1234')
    expect(await seen(plain)).not.toMatch(/1234|made with|Code/)
  })
})

describe('what nothing asks for any more', () => {
  it('stays hidden where it was asked for', async () => {
    await using alone = await startReader()
    const schema = create(TypeSchemaSchema, {
      type: 'Safe',
      permissions: { read: ['keys'] },
      fields: [{ name: 'Code', valueType: ValueType.STRING, permissions: { read: ['code'] } }],
    })
    const other = create(TypeSchemaSchema, {
      type: 'Box',
      fields: [{ name: 'Lock', valueType: ValueType.STRING, permissions: { read: ['code'] } }],
    })
    await alone.commit(
      { kind: 'schema', schema },
      { kind: 'schema', schema: other },
      { kind: 'create', type: 'Safe', id: 'safe', parentId: 'root', name: 'safe', values: { Code: '1234' } },
      { kind: 'create', type: 'Box', id: 'box', parentId: 'root', name: 'box', values: { Lock: '5678' } },
    )
    const then = await alone.commit({ kind: 'write', id: 'box', field: 'Lock', value: '9999' })
    const remove = create(AlterStepSchema, { kind: { case: 'removeField', value: { field: 'Lock' } } })
    await alone.commit({ kind: 'alter', type: 'Box', steps: [remove] })
    await alone.commit({ kind: 'delete', id: 'safe' })
    await alone.commit({ kind: 'delete_type', type: 'Safe' })
    const [nobody, all] = await Promise.all([alone.holding(), alone.holding('keys', 'code')])
    const texts = async ({ history, read }: ReadClients): Promise<string> => {
      const listed = await Promise.all(
        ['safe', 'box'].map((entityId) => history.listChanges({ entityId }).catch(() => undefined)),
      )
      const consistency = { demand: { case: 'asOfRevision' as const, value: then } }
      const reads = [
        { entityId: 'safe', path: 'Code' },
        { entityId: 'box', path: 'Lock' },
      ]
      const past = await read.readFields({ reads, consistency })
      const versions = await Promise.all(
        ['Safe', 'Box'].map((type) => read.listSchemaVersions({ type }).catch(() => undefined)),
      )
      return JSON.stringify([listed, past, versions], (_key, value: unknown) =>
        typeof value === 'bigint' ? `${value}` : value,
      )
    }
    expect(await texts(all)).toMatch(/1234.*5678.*1234.*9999.*Code.*Lock/s)
    expect(await texts(nobody)).not.toMatch(/1234|5678|9999|"name":"(Code|Lock)"/)
    expect(await failureOf(nobody.history.listChanges({ entityId: 'safe' }))).toMatchObject({ code: 'unknown_entity' })
  })
})
