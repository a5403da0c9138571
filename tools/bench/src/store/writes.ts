import { commit, int } from '@qcore/client'
import { closedLoop } from '../measure/closed-loop.ts'
import type { Comparison } from '../measure/comparison.ts'
import { startRawRequests } from '../raw/raw-nats.ts'
import { turns, type BenchContext } from './bench-context.ts'

/** Bytes of a commit of one field, headers included, and of its answer. */
const requestBytes = 450
const replyBytes = 50
const callers = 512
const writesPerCommit = 100
const commitsInFlight = 4

/**
 * Durable writes of a field that is not indexed, as the limit's table has no index beside its key. The values say their
 * type, so that the client need not look up the type of an entity that it writes for the first time.
 */
export async function writeComparisons(bench: BenchContext, parts: AsyncDisposableStack): Promise<Comparison[]> {
  const { q, postgres, durationMs, warmUpMs } = bench
  const raw = parts.use(await startRawRequests(bench.system.natsUrl, { requestBytes, replyBytes }))
  const nextId = turns(bench.hotIds)
  let value = 0
  const writeOne = (): Promise<unknown> => q.write(nextId(), 'Value', int(++value))
  const writeMany = (field: string) => (): Promise<unknown> => {
    let builder = commit()
    for (let write = 0; write < writesPerCommit; write++) builder = builder.write(nextId(), field, int(++value))
    return q.commit(builder)
  }
  const one = { concurrency: 1, durationMs, warmUpMs }
  const many = { concurrency: callers, durationMs, warmUpMs }
  const hundred = { concurrency: commitsInFlight, durationMs, warmUpMs }
  const groupCommit = (name: string, field: string, ratio: number): Comparison => ({
    name,
    unit: '1/s',
    limitName: `PostgreSQL, ${writesPerCommit} upserts a commit, rows`,
    target: { relation: '≥', ratio },
    limit: async () => ({
      value:
        (await postgres.measureCommits(writesPerCommit, { concurrency: 1, durationMs, warmUpMs })).perSecond *
        writesPerCommit,
    }),
    qcore: async () => {
      const result = await closedLoop(writeMany(field), hundred)
      return { ...result, value: result.perSecond * writesPerCommit }
    },
  })
  return [
    {
      name: 'durable write of one field, 1 in flight, p50',
      unit: 'µs',
      limitName: 'NATS request/reply p50 + one-row commit p50',
      target: { relation: '≤', ratio: 2.5 },
      limit: async () => ({ value: (await raw.measure(one)).p50Us + (await postgres.measureCommits(1, one)).p50Us }),
      qcore: async () => {
        const result = await closedLoop(writeOne, one)
        return { ...result, value: result.p50Us }
      },
    },
    {
      name: `durable write of one field, ${callers} in flight`,
      unit: '1/s',
      limitName: `NATS request/reply at ${callers}`,
      target: { relation: '≥', ratio: 0.4 },
      limit: async () => ({ value: (await raw.measure(many)).perSecond }),
      qcore: async () => {
        const result = await closedLoop(writeOne, many)
        return { ...result, value: result.perSecond }
      },
    },
    groupCommit(`commits of ${writesPerCommit} writes, writes`, 'Value', 0.5),
  ]
}
