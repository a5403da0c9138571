import { create, fromBinary, toJson, type MessageInitShape } from '@bufbuild/protobuf'
import {
  AlterStepSchema,
  CommitRecordSchema,
  HistoryChangeSchema,
  HistoryOrder,
  ValueType,
  type CommitRecord,
  type HistoryChange,
  type ListChangesRequest,
} from '@qcore/contracts'
import type { RawMutation } from '@qcore/replica/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failureOf, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

type Listing = Partial<Omit<ListChangesRequest, '$typeName' | '$unknown'>>

const fields = { Count: ValueType.INT, Text: ValueType.STRING }
const oldestFirst = HistoryOrder.OLDEST_FIRST

let reader: TestReader

beforeAll(async () => {
  reader = await startReader()
  await reader.commit({ kind: 'schema', schema: schemaOf('Thing', fields) })
  await reader.commit(thing('root', ''))
})

afterAll(() => reader[Symbol.asyncDispose]())

async function list(request: Listing): Promise<HistoryChange[]> {
  const changes: HistoryChange[] = []
  let cursor = ''
  do {
    const page = await reader.readOnlyHistory.listChanges({ ...request, cursor })
    changes.push(...page.changes)
    cursor = page.nextCursor
  } while (cursor !== '')
  return changes
}

async function wholeLog(): Promise<CommitRecord[]> {
  const { rows } = await reader.raw.pool.query<{ record: Buffer }>('select record from log order by revision')
  return rows.map(({ record }) => fromBinary(CommitRecordSchema, record))
}

/** A change in short: revision, kind, and of a write the field. */
function inShort({ revision, change }: Pick<HistoryChange, 'revision' | 'change'>): string {
  const kind = change?.kind
  return `${revision} ${kind?.case}${kind?.case === 'fieldChanged' ? ` ${kind.value.name}` : ''}`
}

/** What a search by hand finds of an entity that never was of another type than Thing, the oldest first. */
function searched(log: readonly CommitRecord[], entityId: string, field: string): string[] {
  let isAlive = false
  return log.flatMap(({ revision, changes }) =>
    changes.flatMap((change) => {
      const { kind } = change
      const short = [inShort({ revision, change })]
      if (kind.case === 'entityCreated' && kind.value.entity?.id === entityId) {
        isAlive = true
        return field === '' || kind.value.fields.some(({ name }) => name === field) ? short : []
      }
      if (kind.case === 'entityDeleted' && kind.value.entity?.id === entityId) {
        isAlive = false
        return field === '' || kind.value.fields.some(({ name }) => name === field) ? short : []
      }
      if (kind.case === 'entityChanged' && kind.value.entity?.id === entityId) return field === '' ? short : []
      if (kind.case === 'fieldChanged' && kind.value.entityId === entityId) {
        return field === '' || kind.value.name === field ? short : []
      }
      if (kind.case !== 'schemaChanged' || !isAlive || kind.value.schema?.type !== 'Thing') return []
      const known = new Set(kind.value.previous?.fields.map(({ name }) => name))
      const added = kind.value.schema.fields.filter(({ name }) => !known.has(name))
      return added.some(({ name }) => field === '' || name === field) ? short : []
    }),
  )
}

describe('the history of an entity', () => {
  test('ends where it began, also if one commit changed and deleted it', async () => {
    await reader.commit(thing('brief', 'root'))
    const more = schemaOf('Thing', { ...fields, More0: ValueType.STRING })
    await reader.commit(
      { kind: 'write', id: 'brief', field: 'Count', value: 1n },
      { kind: 'schema', schema: more },
      { kind: 'delete', id: 'brief' },
    )
    const cases = (await list({ entityId: 'brief' })).map(({ change }) => change?.kind.case)
    expect(cases).toEqual(['fieldChanged', 'schemaChanged', 'entityDeleted', 'entityCreated'])
  })
})

test('a change of the type before the entity was made is none of its history', async () => {
  const schema = schemaOf('Fresh', { Size: ValueType.INT })
  const made = { kind: 'create', type: 'Fresh', id: 'fresh', parentId: 'root', name: 'fresh' } as const
  await reader.commit({ kind: 'schema', schema }, made)
  await reader.commit(
    { kind: 'delete', id: 'fresh' },
    { kind: 'schema', schema: schemaOf('Fresh', { Size: ValueType.INT, More: ValueType.INT }) },
    made,
  )
  const short = (await list({ entityId: 'fresh' })).map(({ change }) => change?.kind.case)
  expect(short).toEqual(['entityDeleted', 'entityCreated', 'entityCreated'])
})

describe('the history of a field', () => {
  test('tells who wrote what when, and what was there before', async () => {
    const created = await reader.commit(thing('lamp', 'root', { Count: 1n }))
    const written = await reader.commit({ kind: 'write', id: 'lamp', field: 'Count', value: 2n })
    await reader.commit({ kind: 'write', id: 'lamp', field: 'Text', value: 'x' })
    const [write, creation, ...rest] = await list({ entityId: 'lamp', field: 'Count' })
    expect(rest).toEqual([])
    expect(write && toJson(HistoryChangeSchema, write)).toMatchObject({
      revision: `${written}`,
      writer: `writer-${written % 3n}`,
      change: {
        fieldChanged: { name: 'Count', value: { int: '2' }, previous: { value: { int: '1' }, revision: `${created}` } },
      },
    })
    expect(write?.commitTime).toBeDefined()
    expect(creation && toJson(HistoryChangeSchema, creation)).toMatchObject({
      revision: `${created}`,
      change: { entityCreated: { entity: { id: 'lamp' }, fields: [{ name: 'Count', value: { int: '1' } }] } },
    })
  })

  test('has the values before that large commits leave out', async () => {
    await reader.commit(thing('large', 'root', { Text: 'before' }))
    reader.raw.state.leavesValuesOut = true
    await reader.commit({ kind: 'write', id: 'large', field: 'Text', value: 'after' })
    reader.raw.state.leavesValuesOut = false
    const [write] = await list({ entityId: 'large', field: 'Text' })
    const kind = write?.change?.kind
    expect(kind?.case === 'fieldChanged' && kind.value.previous?.value?.kind.value).toBe('before')
  })

  test('goes on behind a deletion, to the entity that had the id before', async () => {
    await reader.commit(thing('again', 'root'))
    await reader.commit({ kind: 'delete', id: 'again' })
    await reader.commit(thing('again', 'root'))
    const cases = (await list({ entityId: 'again' })).map(({ change }) => change?.kind.case)
    expect(cases).toEqual(['entityCreated', 'entityDeleted', 'entityCreated'])
    await reader.commit({ kind: 'delete', id: 'again' })
    expect(await list({ entityId: 'again', field: 'Count' })).toHaveLength(4)
  })
})

const ids = ['a', 'b', 'c']
const step = fc.record({ id: fc.constantFrom(...ids), what: fc.nat(9), value: fc.nat(3) })

function mutationsOf(steps: readonly { id: string; what: number; value: number }[], added: number): RawMutation[] {
  const used = new Set<string>()
  return steps.flatMap(({ id, what, value }): RawMutation[] => {
    if (used.has(id)) return []
    used.add(id)
    if (!reader.raw.state.entities.has(id)) return [thing(id, 'root')]
    if (what === 0) return [{ kind: 'delete', id }]
    if (what === 2) return [{ kind: 'move', id, name: `n${value}` }]
    if (what === 1 && added < 3) {
      const more = Array.from({ length: added + 1 }, (_, index) => [`More${index}`, ValueType.STRING] as const)
      return [{ kind: 'schema', schema: schemaOf('Thing', { ...fields, ...Object.fromEntries(more) }) }]
    }
    const field = what < 5 ? 'Count' : 'Text'
    return [{ kind: 'write', id, field, value: field === 'Count' ? BigInt(value) : `${value}` }]
  })
}

test('any history is what a search of the log by hand finds, in both orders, in pages of any size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), async (commits) => {
      for (const steps of commits) {
        const added = (reader.raw.state.types.get('Thing')?.fields.length ?? 0) - 2
        const mutations = mutationsOf(steps, added)
        if (mutations.length > 0) await reader.commit(...mutations)
      }
    }),
    { numRuns: 8 },
  )
  const log = await wholeLog()
  for (const entityId of [...ids, 'lamp', 'again', 'root']) {
    for (const field of ['', 'Count', 'Text', 'More0']) {
      const expected = searched(log, entityId, field)
      for (const limit of [1, 9, 1_000]) {
        const message = `${entityId} ${field} ${limit}`
        const up = await list({ entityId, field, limit, order: oldestFirst })
        expect(up.map(inShort), message).toEqual(expected)
        const down = await list({ entityId, field, limit })
        expect(down.map(inShort).sort(), message).toEqual(expected.toSorted())
        const revisions = down.map(({ revision }) => Number(revision))
        expect(revisions).toEqual(revisions.toSorted((a, b) => b - a))
      }
    }
  }
}, 60_000)

test('from and to bound a history', async () => {
  const created = await reader.commit(thing('bounded', 'root'))
  for (let value = 0n; value < 5n; value++) {
    await reader.commit({ kind: 'write', id: 'bounded', field: 'Count', value })
  }
  const between = { entityId: 'bounded', fromRevision: created + 2n, toRevision: created + 4n }
  const revisions = async (request: Listing): Promise<bigint[]> => (await list(request)).map(({ revision }) => revision)
  expect(await revisions(between)).toEqual([created + 4n, created + 3n, created + 2n])
  expect(await revisions({ ...between, order: oldestFirst })).toEqual([created + 2n, created + 3n, created + 4n])
  expect(await revisions({ ...between, fromRevision: 1n, toRevision: created - 1n })).toEqual([])
})

test('an entity that was written very often is listed from the oldest change on, too', async () => {
  const created = await reader.commit(thing('hot', 'root'))
  const writes = 1_100
  const records: Promise<bigint>[] = []
  for (let index = 0; index < writes; index++) {
    records.push(reader.commit({ kind: 'write', id: 'hot', field: 'Count', value: BigInt(index) }))
  }
  await Promise.all(records)
  const up = await list({ entityId: 'hot', field: 'Count', order: oldestFirst, limit: 1_000 })
  expect(up.map(({ revision }) => revision)).toEqual(
    Array.from({ length: writes + 1 }, (_, index) => created + BigInt(index)),
  )
  const down = await list({ entityId: 'hot', field: 'Count', limit: 1_000 })
  expect(down.map(inShort)).toEqual(up.map(inShort).toReversed())
}, 60_000)

test('the commits of the store are listed whole, for an admin', async () => {
  const log = await wholeLog()
  const listed = async (order: HistoryOrder, limit: number): Promise<CommitRecord[]> => {
    const commits: CommitRecord[] = []
    let cursor = ''
    do {
      const page = await reader.history.listCommits({ order, limit, cursor, fromRevision: 3n })
      expect(page.oldestRevision).toBe(1n)
      commits.push(...page.commits)
      cursor = page.nextCursor
    } while (cursor !== '')
    return commits
  }
  expect(await listed(oldestFirst, 100)).toEqual(log.slice(2))
  expect(await listed(HistoryOrder.UNSPECIFIED, 1_000)).toEqual(log.slice(2).toReversed())
  expect(await failureOf(reader.readOnlyHistory.listCommits({}))).toEqual({ code: 'permission_denied', field: 'level' })
})

test('what cannot be listed is refused and named', async () => {
  const newest = BigInt(reader.raw.state.revision)
  const failures: [Listing, string, string][] = [
    [{ entityId: 'nobody' }, 'unknown_entity', 'entity_id'],
    [{ entityId: 'lamp', field: 'Nothing' }, 'unknown_field', 'field'],
    [{ entityId: 'lamp', fromRevision: 5n, toRevision: 4n }, 'invalid_request', 'from_revision'],
    [{ entityId: 'lamp', toRevision: newest + 1n }, 'future_revision', 'to_revision'],
    [{ entityId: 'lamp', fromRevision: newest + 2n }, 'future_revision', 'from_revision'],
    [{ entityId: 'lamp', cursor: 'x' }, 'invalid_cursor', 'cursor'],
    [{ entityId: '->' }, 'invalid_request', 'entity_id'],
    [{ entityId: 'lamp', limit: 1_001 }, 'invalid_request', 'limit'],
  ]
  for (const [request, code, field] of failures) {
    expect(await failureOf(reader.history.listChanges(request))).toEqual({ code, field })
  }
})

type Step = NonNullable<MessageInitShape<typeof AlterStepSchema>['kind']>

/** A type of its own with an entity, and what changes it. */
async function boxOf(type: string) {
  await reader.commit({ kind: 'schema', schema: schemaOf(type, { Size: ValueType.INT, Label: ValueType.STRING }) })
  const id = type.toLowerCase()
  const created = await reader.commit({ kind: 'create', type, id, parentId: 'root', name: id })
  const both = async (field: string): Promise<string[]> => {
    const [down, up] = await Promise.all([
      list({ entityId: id, field }),
      list({ entityId: id, field, order: oldestFirst }),
    ])
    expect(up.map(inShort).toReversed()).toEqual(down.map(inShort))
    return down.map(inShort)
  }
  return {
    created,
    /** Of all fields if none is named, in both orders: the newest first. */
    history: (field = '') => both(field),
    write: (field: string, value: bigint | string) => reader.commit({ kind: 'write', id, field, value }),
    alter: (...kinds: Step[]) =>
      reader.commit({ kind: 'alter', type, steps: kinds.map((kind) => create(AlterStepSchema, { kind })) }),
  }
}

const rename = (field: string, name: string): Step => ({ case: 'renameField', value: { field, name } })
const remove = (field: string): Step => ({ case: 'removeField', value: { field } })
const retype = (name: string, valueType: ValueType): Step => ({
  case: 'retypeField',
  value: { field: { name, valueType } },
})

describe('the history behind a change of the type', () => {
  test('goes on, and the change is part of it', async () => {
    const box = await boxOf('Box')
    const sized = await box.write('Size', 1n)
    const labeled = await box.write('Label', 'x')
    const altered = await box.alter(retype('Size', ValueType.STRING), remove('Label'))
    const last = await box.write('Size', 'large')
    const all = [
      `${last} fieldChanged Size`,
      `${altered} schemaChanged`,
      `${labeled} fieldChanged Label`,
      `${sized} fieldChanged Size`,
      `${box.created} entityCreated`,
    ]
    expect(await box.history()).toEqual(all)
    expect(await box.history('Size')).toEqual(all.filter((each) => !each.includes('Label')))
    expect(await box.history('Label')).toEqual(all.filter((each) => !each.includes('Size')))
  })

  test('of a field that was renamed is found by each of its names', async () => {
    const box = await boxOf('Crate')
    const first = await box.write('Size', 1n)
    await box.write('Label', 'x')
    const renamed = await box.alter(rename('Size', 'Height'))
    const second = await box.write('Height', 2n)
    const altered = await box.alter(rename('Height', 'Depth'), retype('Depth', ValueType.FLOAT))
    const expected = [
      `${altered} schemaChanged`,
      `${second} fieldChanged Height`,
      `${renamed} schemaChanged`,
      `${first} fieldChanged Size`,
      `${box.created} entityCreated`,
    ]
    for (const name of ['Size', 'Height', 'Depth']) expect(await box.history(name), name).toEqual(expected)
    expect(await failureOf(box.history('Width'))).toEqual({ code: 'unknown_field', field: 'field' })
  })

  test('is whole when fields exchange their names', async () => {
    const box = await boxOf('Chest')
    await box.alter({ case: 'addField', value: { field: { name: 'Other', valueType: ValueType.STRING } } })
    const writes: string[] = []
    const write = async (field: string, value: string): Promise<void> => {
      writes.unshift(`${await box.write(field, value)} fieldChanged ${field}`)
    }
    for (const value of ['1', '2']) {
      await write('Label', value)
      await write('Other', value)
    }
    await box.alter(rename('Label', 'Free'), rename('Other', 'Label'), rename('Free', 'Other'))
    await write('Other', '3')
    await write('Label', '3')
    expect((await box.history()).filter((each) => each.includes('fieldChanged'))).toEqual(writes)
  })

  test('has the values before that large commits leave out, under the name of then', async () => {
    const box = await boxOf('Trunk')
    await box.write('Label', 'before')
    await box.alter(rename('Label', 'Title'))
    reader.raw.state.leavesValuesOut = true
    await box.write('Title', 'after')
    await box.alter(retype('Size', ValueType.STRING))
    await box.write('Size', 'large')
    reader.raw.state.leavesValuesOut = false
    const before = async (field: string): Promise<unknown> => {
      const [write] = await list({ entityId: 'trunk', field })
      const kind = write?.change?.kind
      return kind?.case === 'fieldChanged' && kind.value.previous?.value?.kind.value
    }
    expect([await before('Title'), await before('Size')]).toEqual(['before', '0'])
  })
})
