import { create } from '@bufbuild/protobuf'
import { AlterStepSchema, Comparison, ValueType } from '@qcore/contracts'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { atLeast, failureOf, latest, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let postgres: FaultProxy
let reader: TestReader

beforeEach(async () => {
  postgres = await openFaultProxy(inject('postgresUrl'))
  reader = await startReader({
    postgresUrl: postgres.url,
    prepare: async (raw) => {
      await raw.commit([{ kind: 'schema', schema: schemaOf('Thing', { Count: ValueType.INT }) }])
      await raw.commit([thing('root', ''), thing('a', 'root')])
    },
  })
})

afterEach(async () => {
  await reader[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

const reads = [{ entityId: 'a', path: 'Count' }]

test('without PostgreSQL what is cached is read, what needs it is unavailable, and both come back', async () => {
  await reader.client.readFields({ reads })
  postgres.cut()
  const revision = await reader.commit({ kind: 'write', id: 'a', field: 'Count', value: 5n })
  const { results } = await reader.client.readFields({ reads, consistency: atLeast(revision) })
  expect(results[0]?.outcome).toMatchObject({ value: { value: { kind: { value: 5n } } } })
  const failing = [
    reader.client.readFields({ reads, consistency: latest }),
    reader.client.findEntities({ type: 'Thing' }),
    reader.client.listChildren({ entityId: 'root' }),
    reader.client.getEntities({ entityIds: ['root'] }),
    reader.client.getStatus({}),
  ]
  const failures = await Promise.all(failing.map(failureOf))
  expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['unavailable']))
  postgres.restore()
  expect((await reader.client.readFields({ reads, consistency: latest })).revision).toBe(revision)
  expect((await reader.client.findEntities({ type: 'Thing', consistency: latest })).entities).toHaveLength(2)
})

test('a find between whose beginning and end an entity was renamed gives its name of one revision', async () => {
  const find = async () => {
    const { revision, entities } = await reader.client.findEntities({ type: 'Thing' })
    return { revision, names: entities.map(({ entity }) => entity?.name) }
  }
  await reader.client.getEntities({ entityIds: ['a'] })
  // PostgreSQL is asked for the ids alone when the rest was known some times.
  for (let time = 0; time < 4; time++) expect((await find()).names).toEqual(['a', 'root'])
  const { rows } = await reader.raw.pool.query<{ text: string }>('select clock_timestamp()::text as text')
  postgres.hold('answers')
  const found = find()
  await vi.waitFor(async () => {
    const sql = `select from pg_stat_activity where query like '%as ids%' and query_start > $1`
    expect((await reader.raw.pool.query(sql, [rows[0]?.text])).rows).not.toHaveLength(0)
  })
  const revision = await reader.commit({ kind: 'move', id: 'a', name: 'b' })
  await reader.client.getEntities({ entityIds: ['a'], consistency: atLeast(revision) })
  postgres.restore()
  expect(await found).toEqual({ revision, names: ['b', 'root'] })
})

test('a find between whose beginning and end a field was retyped is asked again, and never answered with half of each', async () => {
  const field = { name: 'Count', valueType: ValueType.STRING }
  const steps = [create(AlterStepSchema, { kind: { case: 'retypeField', value: { field } } })]
  const filters = [
    { field: 'Count', comparison: Comparison.EQUAL, value: { kind: { case: 'int' as const, value: 0n } } },
  ]
  expect((await reader.client.findEntities({ type: 'Thing', filters })).entities).toHaveLength(2)
  postgres.hold()
  const failure = failureOf(reader.client.findEntities({ type: 'Thing', filters }))
  const revision = await reader.commit({ kind: 'alter', type: 'Thing', steps })
  await reader.client.getSchema({ type: 'Thing', consistency: atLeast(revision) })
  postgres.restore()
  expect((await failure).code).toBe('unavailable')
})

test('a reader without PostgreSQL is not ready', async () => {
  postgres.cut()
  const isReady = async (): Promise<boolean> =>
    (await reader.service.checkHealth(AbortSignal.timeout(500))).every(({ ok }) => ok)
  expect(await isReady()).toBe(false)
  postgres.restore()
  await vi.waitFor(async () => expect(await isReady()).toBe(true), { timeout: 5_000, interval: 100 })
})

test('a reader stops soon though PostgreSQL hangs', async () => {
  await reader.client.readFields({ reads })
  postgres.hold()
  const asked = reader.client.getStatus({}, { timeoutMs: 200 })
  expect((await failureOf(asked)).code).toBe('deadline_exceeded')
  const startedAtMs = performance.now()
  await reader.service[Symbol.asyncDispose]()
  expect(performance.now() - startedAtMs).toBeLessThan(4_000)
})

test('after the store was restored answers are those of the new history', async () => {
  const revision = await reader.commit({ kind: 'write', id: 'a', field: 'Count', value: 9n })
  await reader.client.readFields({ reads, consistency: atLeast(revision) })
  await reader.raw.pool.query(`update head set log_id = 'restored', revision = 2`)
  await reader.raw.pool.query('update field set value = $1', [Buffer.from([8, 4])])
  await reader.raw.pool.query('delete from log where revision > 2')
  await vi.waitFor(
    async () => {
      const answer = await reader.client.readFields({ reads, consistency: latest })
      expect(answer.revision).toBe(2n)
      expect(answer.results[0]?.outcome).toMatchObject({ value: { value: { kind: { value: 4n } } } })
    },
    { timeout: 5_000, interval: 50 },
  )
})
