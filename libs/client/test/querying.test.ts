import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { and, connect, isQError, not, or, query, Timestamp, type Client } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client

beforeAll(async () => {
  store = await startStore(['auth', 'reader', 'writer'])
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
  await q.setSchema({ type: 'Room', fields: {} })
  await q.setSchema({
    type: 'Device',
    fields: {
      Status: { type: 'Choice', choices: ['OFF', 'ON'] },
      Level: 'Int',
      SeenAt: 'Timestamp',
      Owner: 'EntityReference',
      Raw: { type: 'Int', unindexed: true },
    },
  })
  const root = await q.root()
  for (const room of ['Kitchen', 'Hall']) {
    const parent = await q.create('Room', { id: room, parent: root, name: room })
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        q.create('Device', {
          id: `${room}-${index}`,
          parent,
          name: `${room} ${9 - index}`,
          fields: {
            Status: index % 2 === 0 ? 'ON' : 'OFF',
            Level: BigInt(index),
            SeenAt: Timestamp.parse(`2026-01-0${(index % 9) + 1}T00:00:00Z`),
            Owner: index === 3 ? root : null,
          },
        }),
      ),
    )
  }
}, 30_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

test('text, builder and tree find the same, in order, with what was selected', async () => {
  const text = `SELECT Level, Parent->Name, Owner->Name FROM Device WHERE Status = 'ON' AND Parent->Name = 'Kitchen' ORDER BY Name LIMIT 3`
  const builder = query('Device')
    .where({ Status: 'ON', 'Parent->Name': 'Kitchen' })
    .select('Level', 'Parent->Name', 'Owner->Name')
    .orderBy('Name')
    .limit(3)
  const found = await q.query(text).toArray()
  expect(found.map(({ id, fields }) => [id, fields['Level']?.value, fields['Parent->Name']?.value])).toEqual([
    ['Kitchen-8', 8n, 'Kitchen'],
    ['Kitchen-6', 6n, 'Kitchen'],
    ['Kitchen-4', 4n, 'Kitchen'],
  ])
  expect(found[0]?.fields).not.toHaveProperty('Owner->Name')
  expect(found[0]?.fields['Parent->Name']).toMatchObject({ entityId: 'Kitchen', name: 'Name' })
  expect(await q.query(builder).toArray()).toEqual(found)
  expect(await q.query(builder.build()).toArray()).toEqual(found)
})

test('a query is read page by page, up to its limit', async () => {
  const ids = async (limit: number): Promise<string[]> => {
    const found: string[] = []
    for await (const { id } of q.query(query('Device').orderBy('Level', 'desc').limit(limit), { pageSize: 3 }))
      found.push(id)
    return found
  }
  expect(await ids(7)).toEqual(['Hall-9', 'Kitchen-9', 'Hall-8', 'Kitchen-8', 'Hall-7', 'Kitchen-7', 'Hall-6'])
  expect(await ids(0)).toHaveLength(20)
})

test('conditions of all kinds are sent as they are meant', async () => {
  const count = (builder: Parameters<Client['count']>[0]): Promise<number> => q.count(builder)
  expect(await count('FROM Device')).toBe(20)
  expect(await count(query('Device').where({ Level: { gte: 3, lt: 5n } }))).toBe(4)
  expect(await count(query('Device').where(or({ Level: 1 }, and({ Level: 2 }, not({ Status: 'OFF' })))))).toBe(4)
  expect(await count(query('Device').where({ Owner: { id: (await q.root()).id } }))).toBe(2)
  expect(await count(query('Device').where({ Owner: null, Level: { in: [3, 4] } }))).toBe(2)
  expect(await count(query('Device').where({ SeenAt: { lte: Timestamp.parse('2026-01-02T00:00:00Z') } }))).toBe(6)
  expect(await count(query('Device').where({ SeenAt: new Date('2026-01-05T00:00:00Z') }))).toBe(2)
  expect(
    await count(
      query('Device')
        .where({ Name: { startsWith: 'Hall', contains: '7' } })
        .limit(1),
    ),
  ).toBe(1)
  expect(await count(query('Device').where({ Owner: { exists: true } }))).toBe(2)
})

test('a query of the past finds what there was', async () => {
  const { revision } = q
  const text = `SELECT Level FROM Device WHERE Parent->Name = 'Hall' AND Level >= 8 ORDER BY Level LIMIT 5`
  const levels = async (asked: Pick<Client, 'query'>): Promise<unknown[]> =>
    (await asked.query(text, { pageSize: 1 }).toArray()).map(({ fields }) => fields['Level']?.value)
  await q.write('Hall-9', 'Level', 20n)
  expect(await levels(q)).toEqual([8n, 20n])
  expect(await levels(q.at(revision))).toEqual([8n, 9n])
  expect(await q.at(revision).count('FROM Device WHERE Level = 20')).toBe(0)
  await q.write('Hall-9', 'Level', 9n)
})

test('explain tells the statement and the index', async () => {
  const explained = await q.explain(query('Device').where({ Level: 5 }))
  expect(explained).toMatchObject({
    text: 'FROM Device WHERE Level = 5',
    indexes: expect.arrayContaining(['field_int_key']),
  })
  expect(explained.unindexed).toEqual([])
})

test('what is wrong is told before anything is sent, or by the store', async () => {
  const failure = async (input: Parameters<Client['query']>[0]): Promise<string> => {
    try {
      await q.query(input).toArray()
    } catch (error) {
      if (isQError(error)) return `${error.code} ${error.field}`
      throw error
    }
    return 'none'
  }
  expect(await failure('FROM Device WHERE')).toBe('invalid_query text')
  expect(await failure('SELECT COUNT(*) FROM Device')).toBe('invalid_query count')
  expect(await failure('FROM Device WHERE Raw = 1')).toBe('unindexed_field where.compare.path')
  expect(await failure(query('Device').where({ Level: 'high' }))).toBe('type_mismatch where.compare.value')
})
