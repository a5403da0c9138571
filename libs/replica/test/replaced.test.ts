import type { Executor } from '@qcore/database'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Replica } from '../src/index.ts'
import { caller, createTestStore, person, plain, type TestStore } from './_replica.ts'

let store: TestStore
let opened: AsyncDisposableStack

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  store = opened.use(await createTestStore())
})

afterEach(() => opened.disposeAsync())

/** Holds the answers to statements of a name back: gives how to let them go, and when one is there. */
class Gate {
  readonly #arrived = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  readonly arrived = this.#arrived.promise

  open(): void {
    this.#opened.resolve()
  }

  async pass(): Promise<void> {
    this.#arrived.resolve()
    await this.#opened.promise
  }
}

/** A pool whose next answer to a statement of a name waits for its gate. */
function gatedPool(gates: Map<string, Gate>): Executor {
  const { pool } = store.raw
  return {
    query: async (statement: { name: string; text: string; values?: unknown[] }) => {
      const result = await pool.query(statement)
      const gate = gates.get(statement.name)
      gates.delete(statement.name)
      await gate?.pass()
      return result
    },
  } as unknown as Executor
}

test('a reading that was loading when the log was replaced waits for the types, and is answered', async () => {
  await store.commit(person('ann', 'root'))
  const gates = new Map<string, Gate>()
  const replica: Replica = opened.use(await store.openReplica({ pool: gatedPool(gates) }))
  const loading = new Gate()
  gates.set('load_entities', loading)
  const reading = Promise.resolve(replica.read((source) => plain(source.entity('ann')), caller))
  await loading.arrived
  const types = new Gate()
  gates.set('load_types', types)
  await store.raw.pool.query('update head set log_id = gen_random_uuid()::text')
  await replica.feed.catchUp()
  await types.arrived
  loading.open()
  const outcome = Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])
  expect(await outcome).toBe('waits')
  types.open()
  expect(await reading).toEqual(store.raw.state.entities.get('ann'))
})
