import { setTimeout as delay } from 'node:timers/promises'
import {
  createLogPartition,
  deleteTombstonesBefore,
  dropLogPartition,
  storeOldestRevision,
  type LogPartition,
} from '@qcore/database'
import { HistoryOrder, ValueType } from '@qcore/contracts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { failureOf, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

/** Small partitions, so that there is much to drop. */
const revisionsEach = 20
const partitions = Array.from({ length: 12 }, (_, index): LogPartition => {
  return { from: index * revisionsEach, to: (index + 1) * revisionsEach }
})
const writes = 200

let reader: TestReader

beforeEach(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      await dropLogPartition(raw.pool, { from: 1, to: 1_000_000 })
      for (const partition of partitions) await createLogPartition(raw.pool, partition)
      await raw.commit([{ kind: 'schema', schema: schemaOf('Thing', { Count: ValueType.INT }) }])
      await raw.commit([thing('root', ''), thing('lamp', 'root'), thing('gone', 'root')])
      await raw.commit([{ kind: 'write', id: 'lamp', field: 'Count', value: 3n }])
      for (let revision = 4; revision <= writes; revision++) {
        await raw.commit([
          { kind: 'write', id: 'lamp', field: 'Count', value: BigInt(revision) },
          ...(revision === 60 ? [{ kind: 'delete' as const, id: 'gone' }] : []),
        ])
      }
    },
  })
})

afterEach(() => reader[Symbol.asyncDispose]())

/** What the writer does with a partition that is older than the retention. */
async function drop(partition: LogPartition): Promise<void> {
  expect(await storeOldestRevision(reader.raw.pool, { epoch: 0, oldestRevision: Math.max(1, partition.to) })).toBe(true)
  await dropLogPartition(reader.raw.pool, partition)
  await deleteTombstonesBefore(reader.raw.pool, partition.to, 1_000)
}

const asOf = (revision: number): { demand: { case: 'asOfRevision'; value: bigint } } => ({
  demand: { case: 'asOfRevision', value: BigInt(revision) },
})

/** The code of an error of a reading of the past; otherwise that what was read is right. */
async function readAt(revision: number): Promise<string> {
  const [fields, children, exists] = await Promise.allSettled([
    reader.client.readFields({ reads: [{ entityId: 'lamp', path: 'Count' }], consistency: asOf(revision) }),
    reader.client.listChildren({ entityId: 'root', consistency: asOf(revision) }),
    reader.client.checkExists({
      questions: [{ subject: { case: 'entityId', value: 'gone' } }],
      consistency: asOf(revision),
    }),
  ])
  if (fields.status === 'fulfilled') {
    const outcome = fields.value.results[0]?.outcome
    expect(outcome?.case === 'field' && outcome.value.value?.kind.value).toBe(BigInt(revision))
  }
  if (children.status === 'fulfilled') {
    expect(children.value.children.map(({ id }) => id)).toEqual(revision < 60 ? ['gone', 'lamp'] : ['lamp'])
  }
  if (exists.status === 'fulfilled') expect(exists.value.exists).toEqual([revision < 60])
  const failed = [fields, children, exists].find(({ status }) => status === 'rejected')
  return failed?.status === 'rejected' ? (await failureOf(Promise.reject(failed.reason as Error))).code : 'right'
}

test('a reading while the log is compacted is right, or compacted', async () => {
  const outcomes = new Map<string, number>()
  const done = new AbortController()
  const readers = Array.from({ length: 3 }, async (_, seed) => {
    for (let round = seed; !done.signal.aborted; round++) {
      const outcome = await readAt(3 + ((round * 37) % (writes - 3)))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  })
  for (const partition of partitions.slice(0, 9)) {
    await drop(partition)
    await delay(20)
  }
  done.abort()
  await Promise.all(readers)
  expect([...outcomes.keys()].sort()).toEqual(['compacted', 'right'])
}, 60_000)

test('behind the log, readings and histories are compacted, and say where the log begins', async () => {
  for (const partition of partitions.slice(0, 5)) await drop(partition)
  const oldest = 100
  expect(await readAt(oldest - 1)).toBe('right')
  expect(await readAt(oldest - 2)).toBe('compacted')
  const call = reader.client.getRoot({ consistency: asOf(oldest - 2) })
  expect(await failureOf(call)).toMatchObject({ code: 'compacted', field: 'consistency.as_of_revision' })
  const [{ us } = { us: 0 }] = (
    await reader.raw.pool.query<{ us: number }>('select committed_us as us from log where revision = $1', [oldest])
  ).rows
  const atTime = (micros: number): Promise<unknown> =>
    reader.client.getRoot({
      consistency: {
        demand: {
          case: 'asOfTime',
          value: { seconds: BigInt(Math.floor(micros / 1_000_000)), nanos: (micros % 1_000_000) * 1_000 },
        },
      },
    })
  await expect(atTime(us)).resolves.toMatchObject({ revision: BigInt(oldest) })
  expect(await failureOf(atTime(us - 1))).toEqual({ code: 'compacted', field: 'consistency.as_of_time' })
  const history = { entityId: 'lamp', limit: 1_000 }
  const { changes, oldestRevision } = await reader.history.listChanges(history)
  expect(changes.map(({ revision }) => Number(revision))).toEqual(
    Array.from({ length: writes - oldest + 1 }, (_, index) => writes - index),
  )
  expect(oldestRevision).toBe(BigInt(oldest))
  const behind = [
    reader.history.listChanges({ ...history, fromRevision: 99n }),
    reader.history.listCommits({ fromRevision: 99n }),
    reader.history.listCommits({ toRevision: 99n }),
  ]
  const fields = await Promise.all(behind.map(async (each) => failureOf(each)))
  expect(fields).toEqual(
    ['from_revision', 'from_revision', 'to_revision'].map((field) => ({ code: 'compacted', field })),
  )
})

test('a listing that was overtaken by compaction says so where it would leave something out', async () => {
  const request = { entityId: 'lamp', limit: 10 }
  const oldestFirst = { ...request, order: HistoryOrder.OLDEST_FIRST }
  const up = await reader.history.listChanges(oldestFirst)
  const down = await reader.history.listChanges(request)
  const commits = await reader.history.listCommits({ order: HistoryOrder.OLDEST_FIRST, limit: 10 })
  for (const partition of partitions.slice(0, 3)) await drop(partition)
  const next = reader.history.listChanges({ ...oldestFirst, cursor: up.nextCursor })
  expect(await failureOf(next)).toEqual({ code: 'compacted', field: 'cursor' })
  const nextCommits = reader.history.listCommits({
    order: HistoryOrder.OLDEST_FIRST,
    limit: 10,
    cursor: commits.nextCursor,
  })
  expect(await failureOf(nextCommits)).toEqual({ code: 'compacted', field: 'cursor' })
  const older = await reader.history.listChanges({ ...request, limit: 10, cursor: down.nextCursor })
  expect(older.changes.map(({ revision }) => Number(revision))).toEqual(
    Array.from({ length: 10 }, (_, index) => 190 - index),
  )
})
