import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { AccessLevel, MutationSchema, ValueSchema, ValueType, WriteOption, type CommitService } from '@qcore/contracts'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, deleteEntity, expectProblem, resultIds, setSchema, write } from './_writer-client.ts'

type Commits = Client<typeof CommitService>

let test: RunningWriter
/** Holds nothing; may see; may change; may change salaries, and see nothing. */
let plain: Commits
let staff: Commits
let hr: Commits
let payroll: Commits
let person: string
let desk: string

beforeAll(async () => {
  test = await startWriter()
  await test.commits.commit({
    mutations: [
      setSchema({
        type: 'Person',
        permissions: { read: ['staff'], write: ['hr'] },
        fields: [
          { name: 'Phone', valueType: ValueType.STRING },
          { name: 'Salary', valueType: ValueType.INT, permissions: { read: ['pay'], write: ['pay'] } },
          { name: 'Raise', valueType: ValueType.TRANSFORMATION },
          { name: 'Boss', valueType: ValueType.ENTITY_REFERENCE },
        ],
      }),
      setSchema({
        type: 'Desk',
        fields: [
          { name: 'Owner', valueType: ValueType.ENTITY_REFERENCE },
          { name: 'Note', valueType: ValueType.STRING },
          { name: 'Rule', valueType: ValueType.TRANSFORMATION },
          { name: 'Locked', valueType: ValueType.BOOL, permissions: { write: ['keys'] } },
        ],
      }),
    ],
  })
  const holding = (...names: string[]): Promise<Commits> =>
    test.clientOf(
      'caller',
      AccessLevel.WRITE,
      names.map((name) => `permission:${name}`),
    )
  plain = await holding()
  staff = await holding('staff')
  hr = await holding('staff', 'hr')
  payroll = await holding('hr', 'pay')
})
afterAll(() => test[Symbol.asyncDispose]())

const text = (value: string) => ({ case: 'string' as const, value })
const int = (value: bigint) => ({ case: 'int' as const, value })

beforeEach(async () => {
  const created = [createEntity('Person', test.root, 'Ada'), createEntity('Desk', test.root, 'Desk')]
  ;[person = '', desk = ''] = resultIds(await test.commits.commit({ mutations: created }))
  await test.commits.commit({ mutations: [write(desk, 'Owner', { case: 'entityReference', value: person })] })
})

describe('a caller', () => {
  it.each([
    ['what it may not see nor change is not there', () => plain, 'Phone', 'unknown_entity', 'entity_id'],
    ['what it sees it may not change', () => staff, 'Phone', 'permission_denied', 'field'],
    ['a field that it may not see nor change is not there', () => hr, 'Salary', 'unknown_field', 'field'],
  ])('%s', async (_name, caller, field, code, part) => {
    const call = caller().commit({ mutations: [write(person, field, field === 'Phone' ? text('1') : int(1n))] })
    await expectProblem(call, code, `mutations[0].write_field.${part}`)
  })

  it('changes what it may, also without seeing it', async () => {
    await hr.commit({ mutations: [write(person, 'Phone', text('1'))] })
    await payroll.commit({ mutations: [write(person, 'Salary', int(5n))] })
    await test.commits.commit({ mutations: [write(person, 'Salary', int(6n))] })
  })

  it('is not told by an answer or a condition what it may not see', async () => {
    const blind = await test.clientOf('blind', AccessLevel.WRITE, ['permission:hr'])
    const ifChanged = { option: WriteOption.IF_CHANGED }
    await expectProblem(
      blind.commit({ mutations: [write(person, 'Phone', text(''), ifChanged)] }),
      'permission_denied',
      'mutations[0].write_field.option',
    )
    const value = create(ValueSchema, { kind: int(0n) })
    const held = (caller: Commits, field: string) =>
      caller.commit({
        mutations: [write(desk, 'Note', text('x'))],
        conditions: [{ kind: { case: 'fieldValue', value: { entityId: person, field, value } } }],
      })
    await expectProblem(held(hr, 'Salary'), 'unknown_field', 'conditions[0].field_value.field')
    await expectProblem(held(plain, 'Phone'), 'unknown_entity', 'conditions[0].field_value.entity_id')
    const exists = (caller: Commits, expected: boolean) =>
      caller.commit({
        mutations: [write(desk, 'Note', text('x'))],
        conditions: [{ kind: { case: 'entityExists', value: { entityId: person, exists: expected } } }],
      })
    await exists(plain, false)
    await expectProblem(exists(plain, true), 'condition_failed')
    await exists(staff, true)
  })

  it('creates, renames, moves and deletes only what it may change', async () => {
    const create = (caller: Commits, more = {}) =>
      caller.commit({ mutations: [createEntity('Person', test.root, 'Bob', more)] })
    await expectProblem(create(plain), 'unknown_type', 'mutations[0].create_entity.type')
    await expectProblem(create(staff), 'permission_denied', 'mutations[0].create_entity.type')
    const salary = { fields: { Salary: createValue(1n) } }
    await expectProblem(create(hr, salary), 'unknown_field', 'mutations[0].create_entity.fields["Salary"]')
    await create(payroll, salary)
    const rename = placing('renameEntity', { entityId: person, name: 'Eve' })
    await expectProblem(plain.commit({ mutations: [rename] }), 'unknown_entity', 'mutations[0].rename_entity.entity_id')
    await expectProblem(
      staff.commit({ mutations: [rename] }),
      'permission_denied',
      'mutations[0].rename_entity.entity_id',
    )
    const move = placing('moveEntity', { entityId: person, parentId: desk })
    await expectProblem(staff.commit({ mutations: [move] }), 'permission_denied', 'mutations[0].move_entity.entity_id')
    const under = createEntity('Desk', person, 'under')
    await expectProblem(plain.commit({ mutations: [under] }), 'unknown_entity', 'mutations[0].create_entity.parent_id')
    await expectProblem(
      plain.commit({ mutations: [deleteEntity(person)] }),
      'unknown_entity',
      'mutations[0].delete_entity.entity_id',
    )
    await hr.commit({ mutations: [move] })
    await expectProblem(
      plain.commit({ mutations: [deleteEntity(desk)] }),
      'permission_denied',
      'mutations[0].delete_entity.entity_id',
    )
    await hr.commit({ mutations: [deleteEntity(desk)] })
  })

  it('does not come by a path to what it may not see', async () => {
    const byPath = (caller: Commits) => caller.commit({ mutations: [write(desk, 'Owner->Phone', text('2'))] })
    await expectProblem(byPath(plain), 'broken_path', 'mutations[0].write_field.field')
    await expectProblem(byPath(staff), 'permission_denied', 'mutations[0].write_field.field')
    await byPath(hr)
    const children = (caller: Commits) => caller.commit({ mutations: [write(test.root, 'Ada->Phone', text('2'))] })
    await expectProblem(children(plain), 'broken_path', 'mutations[0].write_field.field')
  })

  it('needs the permission of a field of an open type', async () => {
    const lock = (caller: Commits) =>
      caller.commit({ mutations: [write(desk, 'Locked', { case: 'bool', value: true })] })
    await expectProblem(lock(plain), 'permission_denied', 'mutations[0].write_field.field')
    await lock(await test.clientOf('guard', AccessLevel.WRITE, ['permission:keys']))
  })
})

describe('a transformation', () => {
  const feed = (caller: Commits) => caller.commit({ mutations: [write(desk, 'Rule', int(1n))] })

  it('reads and writes with the permissions of who feeds it', async () => {
    const rule = (expression: string) =>
      test.commits.commit({ mutations: [write(desk, 'Rule', { case: 'transformation', value: expression })] })
    await rule('{"Note": ref("Owner").Phone}')
    await expectProblem(feed(plain), 'expression_failed')
    await feed(staff)
    await rule('{"Note": string(ref("Owner").Salary)}')
    await expectProblem(feed(hr), 'expression_failed')
    await rule('{"Note": has(ref("Owner").Phone) ? "seen" : "hidden"}')
    await feed(plain)
    await rule('{"Owner->Phone": "3"}')
    await expectProblem(feed(plain), 'broken_path')
    await expectProblem(feed(staff), 'permission_denied', 'mutations[0].write_field')
    await feed(hr)
    await rule('{"Locked": true}')
    await expectProblem(feed(hr), 'permission_denied', 'mutations[0].write_field')
  })
})

function createValue(value: bigint) {
  return create(ValueSchema, { kind: int(value) })
}

function placing(kind: 'renameEntity' | 'moveEntity', value: object) {
  return create(MutationSchema, { kind: { case: kind, value } as never })
}
