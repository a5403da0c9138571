import { int } from '@qcore/client'
import { closedLoop } from '../measure/closed-loop.ts'
import type { Comparison } from '../measure/comparison.ts'
import type { BenchContext } from './bench-context.ts'

/** Commits of one field between what is read and now. */
const commitsBack = 300
const page = 50

/**
 * A field as it was some hundred commits ago, and its log. A field's history is followed from each change to the one before,
 * so that the limit is as many reads of single commits by primary key.
 */
export function historyComparisons(bench: BenchContext): Comparison[] {
  const { q, ids, durationMs, warmUpMs } = bench
  const options = { concurrency: 1, durationMs, warmUpMs }
  const entity = ids[2] ?? ''
  let written: Promise<number[]> | undefined
  const revisions = (): Promise<number[]> => (written ??= writeHistory(bench, entity))
  return [
    {
      name: `read a field as of ${commitsBack} of its changes ago, p50`,
      unit: 'µs',
      limitName: `${commitsBack} reads of the log by primary key, p50`,
      limit: async () => readLog(bench, await revisions()),
      qcore: async () => {
        const [asOf = 0] = await revisions()
        const result = await closedLoop(() => q.read(entity, 'Value', { consistency: { asOf } }), options)
        return { ...result, value: result.p50Us }
      },
    },
    {
      name: `the log of a field, a page of ${page}, p50`,
      unit: 'µs',
      limitName: `${page} reads of the log by primary key, p50`,
      limit: async () => readLog(bench, (await revisions()).slice(-page)),
      qcore: async () => {
        await revisions()
        const result = await closedLoop(() => readPage(bench, entity), options)
        return { ...result, value: result.p50Us }
      },
    },
  ]
}

async function writeHistory({ q }: BenchContext, entity: string): Promise<number[]> {
  const revisions: number[] = []
  for (let value = 0; value <= commitsBack; value++) {
    const { revision } = await q.write(entity, 'Value', int(1_000_000 + value))
    revisions.push(revision)
  }
  return revisions
}

async function readLog({ postgres: { client }, durationMs, warmUpMs }: BenchContext, revisions: readonly number[]) {
  const read = async (): Promise<void> => {
    for (const revision of revisions.slice(-commitsBack)) {
      await client.query({
        name: 'bench_log',
        text: 'select record from main.log where revision = $1',
        values: [revision],
      })
    }
  }
  return { value: (await closedLoop(read, { concurrency: 1, durationMs, warmUpMs })).p50Us }
}

async function readPage({ q }: BenchContext, entity: string): Promise<void> {
  let read = 0
  for await (const change of q.history(entity, { field: 'Value', limit: page })) if (change.revision > 0) read++
  if (read !== page) throw new Error(`the log of ${entity} has ${read} changes`)
}
