import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Comparison, Sample } from '../measure/comparison.ts'
import type { BenchContext } from './bench-context.ts'

/** Each moves all of the data set, some of them several times. */
const snapshotRounds = 3
const restoreRounds = 1

/** Saving the data set to a file, and restoring it into a store that has lost all of it. */
export async function snapshotComparisons(bench: BenchContext, parts: AsyncDisposableStack): Promise<Comparison[]> {
  const { q, postgres, rounds } = bench
  const { client } = postgres
  const folder = await mkdtemp(join(tmpdir(), 'qcore-bench-'))
  parts.defer(() => rm(folder, { recursive: true }))
  const file = join(folder, 'store.jsonl')
  const countFields = async (): Promise<number> => {
    const { rows } = await client.query<{ count: string }>('select count(*) from main.field')
    return Number(rows[0]?.count)
  }
  const save = (): Promise<void> => pipeline(q.snapshot(), createWriteStream(file))
  return [
    {
      name: 'snapshot to a file, fields',
      unit: '1/s',
      limitName: 'COPY of the same rows to the client',
      rounds: Math.min(rounds, snapshotRounds),
      limit: () => perSecond(countFields, () => client.query('copy main.field to stdout')),
      qcore: () => perSecond(countFields, save),
    },
    {
      name: 'restore of a file, fields',
      unit: '1/s',
      limitName: 'INSERT … SELECT of the same rows, with the same indexes',
      rounds: Math.min(rounds, restoreRounds),
      limit: async () => {
        await client.query('create table bench.copied (like main.field including all)')
        const sample = await perSecond(countFields, () =>
          client.query('insert into bench.copied select * from main.field'),
        )
        await client.query('drop table bench.copied')
        return sample
      },
      qcore: async () => {
        await save()
        const count = await countFields()
        await client.query('truncate main.field, main.entity, main.reference')
        return perSecond(
          () => Promise.resolve(count),
          async () => {
            const restore = await q.restore(createReadStream(file), { timeoutMs: 60_000 })
            await restore.apply({ timeoutMs: 60_000 })
          },
        )
      },
    },
  ]
}

async function perSecond(count: () => Promise<number>, work: () => Promise<unknown>): Promise<Sample> {
  const fields = await count()
  const startedAt = performance.now()
  await work()
  return { value: fields / ((performance.now() - startedAt) / 1_000) }
}
