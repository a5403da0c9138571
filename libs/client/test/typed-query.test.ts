import { afterAll, beforeAll, expect, it } from 'vitest'
import { and, isQError, not, or, type Client, type ConditionsOf, type EntityOf } from '../src/index.ts'
import { defineType, int, text } from '../src/schema.ts'
import { natsClient, startStore, type TestStore } from './_store.ts'
import { Device, Person } from './_types.ts'

let store: TestStore
let q: Client
let devices: EntityOf<typeof Device>[]

/** As a program that has not followed a change of the type would have it. */
const OldDevice = defineType('Device', { Level: text(), Label: text(), Weight: int() })

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier'])
  q = await natsClient(store, await store.mint())
  await q.setSchema(Person)
  await q.setSchema(Device)
  const parent = await q.root()
  const ada = await q.of(Person).create({ parent, name: 'Ada', fields: { Age: 36 } })
  devices = []
  for (const Level of [0, 1, 2, 3, 4, 5]) {
    const Status = Level % 2 === 0 ? 'ON' : 'OFF'
    const fields = { Level, Status, Note: `note ${Level}`, Parts: devices, Owner: Level < 3 ? ada : null } as const
    devices.push(await q.of(Device).create({ parent, name: `lamp ${5 - Level}`, fields }))
  }
}, 30_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

const names = async (query: AsyncIterable<{ name: string }>): Promise<string[]> => {
  const found: string[] = []
  for await (const { name } of query) found.push(name)
  return found
}

it('finds what the same query as text finds', async () => {
  const query = q
    .of(Device)
    .query()
    .where({ Status: 'ON', Level: { lt: 5 } })
    .select('Level', 'Owner->Name')
    .select('Note')
    .orderBy('Status')
    .orderBy('Level', 'desc')
    .limit(2)
  const asText = `SELECT Level, Owner->Name, Note FROM Device WHERE Status = 'ON' AND Level < 5 ORDER BY Status, Level DESC LIMIT 2`
  expect(await query.toArray()).toEqual(await q.query(asText).toArray())
  const found = await query.toArray()
  expect(found.map(({ fields }) => [fields.Level.value, fields.Note.value])).toEqual([
    [4n, 'note 4'],
    [2n, 'note 2'],
  ])
  expect(found.map(({ fields }) => fields['Owner->Name']?.value)).toEqual([undefined, 'Ada'])
  expect((await query.explain()).text).toBe(asText)
})

it('takes joined conditions, what every entity has, and all fields', async () => {
  const query = q.of(Device).query().orderBy('Name')
  const [first] = devices
  const tests = or<ConditionsOf<typeof Device>>(
    { Level: { in: [0, 1] } },
    and({ Parts: { contains: first ?? '' } }, not({ Owner: null })),
  )
  expect(await names(query.where(tests))).toEqual(['lamp 3', 'lamp 4', 'lamp 5'])
  expect(await names(query.where(tests).where({ Name: { startsWith: 'lamp 3' } }))).toEqual(['lamp 3'])
  const [all] = await query.where({ Level: 5 }).select('*').toArray()
  expect(Object.keys(all?.fields ?? {})).toEqual(Object.keys(Device.fields))
  expect(all?.fields.Status.value).toBe('OFF')
})

it('counts, whatever it selects and however it is ordered', async () => {
  const query = q.of(Device).query().select('Level').orderBy('Level').limit(1)
  expect(await query.count()).toBe(6)
  expect(await query.where({ Status: 'ON' }).count()).toBe(3)
})

it('is not changed by what is built from it', async () => {
  const all = q.of(Device).query()
  const some = all.where({ Level: 1 }).select('Level')
  expect(await all.count()).toBe(6)
  expect(await some.where({ Level: 2 }).count()).toBe(0)
  expect(await some.count()).toBe(1)
})

it('is read page by page, up to its limit', async () => {
  const query = q.of(Device).query().orderBy('Level').limit(5)
  const pages = query.pages({ pageSize: 2 })
  const first = await pages.page()
  const second = await pages.page(first.cursor)
  expect([...first.entities, ...second.entities].map(({ name }) => name)).toEqual([
    'lamp 5',
    'lamp 4',
    'lamp 3',
    'lamp 2',
  ])
  expect(second.revision).toBe(first.revision)
  expect(await query.toArray({ pageSize: 2 })).toHaveLength(5)
})

it('reads the past', async () => {
  const revision = devices[1]?.createdRevision ?? 0
  const query = q.of(Device).query().orderBy('Level')
  expect(await query.toArray({ consistency: { asOf: revision } })).toHaveLength(2)
})

it('refuses a field that has another type in the store than in the definition', async () => {
  await expect(q.of(OldDevice).query().select('Level').toArray()).rejects.toSatisfy((error) =>
    isQError(error, 'type_mismatch'),
  )
  await expect(q.of(OldDevice).query().where({ Level: 'high' }).count()).rejects.toMatchObject({
    code: 'type_mismatch',
    field: 'where.compare.value',
  })
  expect(await q.of(OldDevice).query().select('Label').toArray()).toHaveLength(6)
})

it('typed notifications are iterated over, and end with the binding', async () => {
  const [lamp] = devices
  const bound = q.of(Device).bind(lamp ?? '')
  const stream = await bound.notifications({ fields: ['Weight', 'Label'], context: ['Level'] })
  const ofType = await q.of(Device).notifications({ fields: ['Weight'] })
  await bound.write('Weight', 2.5)
  await bound.write('Label', 'new')
  const { value: one } = await stream.next()
  expect(one).toMatchObject({ name: 'Weight', current: { value: 2.5 }, context: [{ value: 0n }] })
  expect((await stream.next()).value).toMatchObject({ name: 'Label', current: { value: 'new' } })
  expect((await ofType.next()).value?.current.value).toBe(2.5)
  await bound.unbind()
  expect(await stream.next()).toEqual({ done: true, value: undefined })
  await ofType.return()
})

it('typed notifications end with an error at a field that has another type in the store', async () => {
  const [lamp] = devices
  await using stream = await q.of(OldDevice).notifications({ fields: ['Weight'] })
  await q.of(Device).write(lamp ?? '', 'Weight', 7.5)
  await expect(stream.next()).rejects.toMatchObject({ code: 'type_mismatch' })
})
