import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listLogPartitions, loadTermStart, migrateStore, readHead, type Executor } from '@qcore/database'
import { EventKeeper } from '../src/event/event-keeper.ts'
import { LogKeeper } from '../src/log/log-keeper.ts'
import { inject } from 'vitest'
import { openTestStore, silent, uniqueStore, type TestStore } from './_writer-client.ts'

const hourMs = 3_600_000
const nowUs = 2_000_000_000_000_000

let test: TestStore
let keeper: LogKeeper

beforeAll(async () => {
  test = await openTestStore(uniqueStore())
  await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
  keeper = new LogKeeper({ executor: test.pool, logger: silent, retentionMs: hourMs })
})
afterAll(() => test[Symbol.asyncDispose]())

/** Commits of a range of revisions, made so many hours ago. */
async function fillLog(from: number, to: number, hoursAgo: number): Promise<void> {
  await test.pool.query(`insert into log select r, $3, '' from generate_series($1::bigint, $2::bigint) r`, [
    from,
    to,
    nowUs - hoursAgo * hourMs * 1_000,
  ])
  await test.pool.query(
    `insert into request select 'k' || r, r, '', '' from generate_series($1::bigint, $2::bigint, 1000) r`,
    [from, to],
  )
  await test.pool.query(
    `insert into tombstone select 'e' || r, r, 'Machine', 'e', 'root', 1
     from generate_series($1::bigint, $2::bigint, 1000) r`,
    [from, to],
  )
}

async function oldestOf(table: string): Promise<number> {
  const { rows } = await test.pool.query<{ oldest: number }>(`select min(revision) as oldest from ${table}`)
  return rows[0]?.oldest ?? -1
}

describe('the keeper of the log', () => {
  it('makes partitions ahead of the head', async () => {
    await keeper.restart(0)
    expect(await listLogPartitions(test.pool)).toEqual([{ from: 0, to: 65_536 }])
    await keeper.ensureRoom(40_000)
    await keeper.ensureRoom(65_536)
    expect(await listLogPartitions(test.pool)).toEqual([
      { from: 0, to: 65_536 },
      { from: 65_536, to: 131_072 },
    ])
    await keeper.ensureRoom(140_000)
    expect((await listLogPartitions(test.pool)).at(-1)?.from).toBe(131_072)
  })

  it('goes on from the partitions that are there', async () => {
    const before = await listLogPartitions(test.pool)
    keeper = new LogKeeper({ executor: test.pool, logger: silent, retentionMs: hourMs })
    await keeper.restart(70_000)
    expect(await listLogPartitions(test.pool)).toEqual(before)
  })

  it('drops what is older than the retention, with its keys and tombstones, and says where the log begins', async () => {
    await fillLog(1, 65_535, 3)
    await fillLog(65_536, 131_071, 0.5)
    await fillLog(131_072, 140_000, 0.1)
    await test.pool.query('update head set revision = 140000, epoch = 3')
    await keeper.compact({ epoch: 2, nowUs, revision: 140_000 })
    expect(await oldestOf('log')).toBe(1)
    await keeper.compact({ epoch: 3, nowUs, revision: 140_000 })
    expect(await oldestOf('log')).toBe(65_536)
    expect(await oldestOf('request')).toBeGreaterThanOrEqual(65_536)
    expect(await oldestOf('tombstone')).toBeGreaterThanOrEqual(65_536)
    expect((await readHead(test.pool)).oldestRevision).toBe(65_536)
    expect((await loadTermStart(test.pool)).oldestRevision).toBe(65_536)
    expect((await listLogPartitions(test.pool))[0]).toEqual({ from: 65_536, to: 131_072 })
  })

  it('keeps what is younger', async () => {
    await keeper.compact({ epoch: 3, nowUs, revision: 140_000 })
    expect(await oldestOf('log')).toBe(65_536)
  })
})

/** PostgreSQL behind a connection that breaks after a statement that contains a text, once. */
function losingAnswerTo(text: string): Executor {
  let isLost = false
  const query = async (statement: string | { text: string }): Promise<unknown> => {
    const answer: unknown = await test.pool.query(statement as string)
    const sql = typeof statement === 'string' ? statement : statement.text
    if (isLost || !sql.includes(text)) return answer
    isLost = true
    throw new Error('Connection terminated unexpectedly')
  }
  return { query } as Executor
}

async function tablesLike(pattern: string): Promise<string[]> {
  const { rows } = await test.pool.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = $1 and tablename ~ $2 order by 1`,
    [test.store, pattern],
  )
  return rows.map(({ name }) => name)
}

describe('an answer of PostgreSQL that is lost', () => {
  it('to the attaching of a partition of the log does not keep commits from their room', async () => {
    const growing = new LogKeeper({ executor: losingAnswerTo('attach'), logger: silent, retentionMs: hourMs })
    await growing.restart(140_000)
    const last = (await listLogPartitions(test.pool)).at(-1)?.to ?? 0
    await expect(growing.ensureRoom(last)).rejects.toThrow('terminated')
    await growing.ensureRoom(last)
    await growing.ensureRoom(last + 1)
    expect((await listLogPartitions(test.pool)).filter(({ from }) => from === last)).toHaveLength(1)
  })

  it('to the detaching of one leaves neither the table nor later ones behind', async () => {
    const dropping = new LogKeeper({ executor: losingAnswerTo('detach'), logger: silent, retentionMs: hourMs })
    await dropping.restart(140_000)
    const compaction = { epoch: 3, nowUs: nowUs + hourMs * 1_000, revision: 140_000 }
    await expect(dropping.compact(compaction)).rejects.toThrow('terminated')
    expect(await tablesLike('^log_65536_')).toHaveLength(1)
    await dropping.compact(compaction)
    expect(await tablesLike('^log_65536_')).toEqual([])
    expect(await oldestOf('log')).toBe(131_072)
    expect(await oldestOf('request')).toBeGreaterThanOrEqual(131_072)
  })

  it('to the detaching of one of the events leaves neither the table nor later ones behind', async () => {
    const options = { logger: silent, retentionMs: hourMs }
    const keeping = new EventKeeper({ ...options, executor: losingAnswerTo('detach') })
    await keeping.restart(nowUs)
    const before = await tablesLike('^event_[0-9]')
    const laterUs = nowUs + 10 * hourMs * 1_000
    await expect(keeping.keep(laterUs)).rejects.toThrow('terminated')
    await keeping.keep(laterUs)
    const after = await tablesLike('^event_[0-9]')
    expect(after.filter((name) => before.includes(name))).toEqual([])
  })
})
