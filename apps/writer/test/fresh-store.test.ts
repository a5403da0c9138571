import { expect, it } from 'vitest'
import { put, startScheduleWriter, type ScheduleWriter } from './_schedules.ts'
import { createEntity, resultIds, write } from './_writer-client.ts'

const tables = ['entity', 'field', 'schedule'] as const
/** What a writer reads whole when it begins is counted late, and small tables may be read by who looks after them. */
const mostOthers = 5

/** How often PostgreSQL has read tables from the first row to the last, and how often by an index, so far. */
async function scansOf({ pool, store }: ScheduleWriter): Promise<{ whole: number; byIndex: number }> {
  const { rows } = await pool.query<{ whole: number; byIndex: number }>(
    `select sum(seq_scan)::int as whole, sum(idx_scan)::int as "byIndex" from pg_stat_user_tables
     where schemaname = $1 and relname = any($2)`,
    [store, tables],
  )
  return rows[0] ?? { whole: 0, byIndex: 0 }
}

it('fills tables that PostgreSQL takes for empty, without reading them from one end to the other', async () => {
  await using writer = await startScheduleWriter()
  const before = await scansOf(writer)
  const rounds = 20
  for (let round = 0; round < rounds; round++) {
    const names = Array.from({ length: 50 }, (_, n) => `of round ${round}, number ${n}`)
    const created = await writer.commit(...names.map((name) => createEntity('Machine', writer.root, name)))
    await writer.commit(
      ...resultIds(created).map((id) => write(id, 'Count', { case: 'int', value: 1n })),
      ...names.map((name) => put({ name })),
    )
  }
  // What a connection has counted is told a while later.
  await expect
    .poll(async () => (await scansOf(writer)).byIndex, { timeout: 20_000 })
    .toBeGreaterThan(before.byIndex + rounds * 50)
  expect((await scansOf(writer)).whole).toBeLessThanOrEqual(before.whole + mostOthers)
})
