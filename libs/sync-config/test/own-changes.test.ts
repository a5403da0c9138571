import { Pool, type PoolClient } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { SyncConfig } from '../src/index.ts'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore
let pool: Pool
/** Statements that read what was announced. */
let reads = 0
/** What the answers of commits wait for on their way to the instance. */
let beforeAnswer: () => Promise<void>

beforeEach(async () => {
  store = await openStore()
  reads = 0
  beforeAnswer = async () => undefined
  pool = new Pool({ connectionString: store.address })
  pool.on('connect', (client) => intercept(client))
})

afterEach(async () => {
  await store[Symbol.asyncDispose]()
  await pool.end()
})

function intercept(client: PoolClient): void {
  const query = client.query.bind(client) as (config: { text: string }) => Promise<unknown>
  const intercepted = async (config: { text: string }): Promise<unknown> => {
    if (/_head\W+as head left join/.test(config.text)) reads += 1
    const answer = await query(config)
    if (/_commit\W+1/.test(config.text)) await beforeAnswer()
    return answer
  }
  Object.assign(client, { query: intercepted })
}

/** Delays answers until what they answer was announced. */
function announceFirst(one: SyncConfig): () => Promise<void> {
  let announced = 0
  return async () => {
    announced += 1
    while (one.counters.notifications < announced) await new Promise(setImmediate)
  }
}

it('a change of its own is not read by an instance that hears of it before it has the answer', async () => {
  const one = await store.open({ pool })
  const changes = recordChanges(one)
  beforeAnswer = announceFirst(one)
  for (let n = 0; n < 50; n++) await one.set('a', n)
  await eventually(() => expect(changes.map(({ value }) => value)).toEqual(Array.from({ length: 50 }, (_, n) => n)))
  // Where the machine takes longer between the two than an instance waits, it reads.
  expect(reads).toBeLessThan(10)
})

it('changes of others do not wait for an answer that does not come', async () => {
  const [one, two] = [await store.open({ pool }), await store.open()]
  const answer = Promise.withResolvers<void>()
  beforeAnswer = () => answer.promise
  const setting = one.set('a', 1)
  await eventually(() => expect(two.get('a')).toBe(1))
  await two.set('b', 2)
  await eventually(() => expect(one.getAll()).toEqual({ a: 1, b: 2 }))
  answer.resolve()
  expect(await setting).toMatchObject({ revision: 1, changed: true })
})
