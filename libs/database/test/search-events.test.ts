import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  createEventPartition,
  migrateStore,
  openPool,
  searchEvents,
  type EventSearch,
  type Executor,
  type Pool,
} from '../src/index.ts'

const hourUs = 3_600_000_000
const many = 25_000
let pool: Pool
let store = ''

/** Every event that the search finds, and how many pages it took. */
async function findAll(search: Partial<EventSearch>): Promise<{ revisions: number[]; pages: number }> {
  const revisions: number[] = []
  let after: EventSearch['after']
  for (let pages = 1; ; pages++) {
    const { events, last } = await searchEvents(pool, { ...everything, ...search, after })
    revisions.push(...events.map(({ revision }) => revision))
    if (last === undefined) return { revisions, pages }
    after = last
  }
}

const everything: EventSearch = {
  namespace: 'demo',
  type: undefined,
  typePattern: undefined,
  producer: undefined,
  correlationId: undefined,
  fromUs: 0,
  toUs: 100 * hourUs,
  newestFirst: true,
  after: undefined,
  limit: 1_000,
}

beforeAll(async () => {
  store = `test_${randomBytes(6).toString('hex')}`
  const address = inject('postgresUrl')
  await migrateStore({ address, store, applicationName: 'test' })
  pool = openPool({ address, store, applicationName: 'test', max: 2 }, () => undefined)
  for (let hour = 0; hour < 5; hour++) {
    await createEventPartition(pool, { fromUs: hour * hourUs, toUs: (hour + 1) * hourUs })
  }
  // Five an instant, so that the time alone orders nothing.
  await pool.query(
    `insert into event
     select n, 0, n / 5 * $2::bigint, 'demo', case when n % 10000 = 7 then 'rare.one' else 'often.' || n % 3 end, '{}',
       'node-' || n % 500, case when n % 1000 = 7 then 'c' else '' end, ''
     from generate_series(1, $1::bigint) n`,
    [many, Math.floor((5 * hourUs) / (many / 5 + 1))],
  )
  await pool.query('analyze event')
}, 30_000)

afterAll(async () => {
  await pool.query(`drop schema ${store} cascade`)
  await pool.end()
})

describe('a search for events', () => {
  it.each([true, false])(
    'finds all in order, over the borders of partitions (newest first: %s)',
    async (newestFirst) => {
      const { revisions } = await findAll({ newestFirst })
      const ascending = Array.from({ length: many }, (_, index) => index + 1)
      expect(revisions).toEqual(newestFirst ? ascending.reverse() : ascending)
    },
  )

  it('looks through a bounded number a page, and finds what is rare on a later one', async () => {
    const { revisions, pages } = await findAll({ typePattern: '^rare[.][^.]+$' })
    expect(revisions).toEqual([20_007, 10_007, 7])
    expect(pages).toBe(3)
  })

  it('checks what the index does not tell', async () => {
    expect((await findAll({ producer: 'node-7', type: 'rare.one' })).revisions).toEqual([20_007, 10_007, 7])
    expect((await findAll({ correlationId: 'c', type: 'rare.one', newestFirst: false })).revisions[0]).toBe(7)
  })

  it.each<[string, Partial<EventSearch>]>([
    ['a namespace', {}],
    ['a type', { type: 'rare.one' }],
    ['a producer', { producer: 'node-7' }],
    ['a correlation id', { correlationId: 'c' }],
    ['a pattern', { typePattern: '^rare[.][^.]+$' }],
  ])('for %s reads an index, never a whole partition', async (_, search) => {
    let plan = ''
    const explaining = {
      query: async ({ text, values }: { text: string; values: unknown[] }) => {
        const { rows } = await pool.query<Record<string, string>>(`explain ${text}`, values)
        plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        return { rows: [] }
      },
    } as unknown as Executor
    await searchEvents(explaining, { ...everything, limit: 10, ...search })
    expect(plan).not.toMatch(/Seq Scan on event_/)
    expect(plan).toMatch(/Index (Only )?Scan/)
  })
})
