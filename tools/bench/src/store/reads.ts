import { closedLoop } from '../measure/closed-loop.ts'
import type { Comparison } from '../measure/comparison.ts'
import { startRawRequests } from '../raw/raw-nats.ts'
import { turns, type BenchContext } from './bench-context.ts'

/** Bytes of a request for one field, headers included, and of its answer: what the limit carries. */
const requestBytes = 350
const replyBytes = 60
/** Callers in flight where throughput is measured. */
const callers = 64
const readsPerRequest = 100

/** Reading fields that the reader has in its cache, from few entities so that they are there. */
export async function readComparisons(bench: BenchContext, parts: AsyncDisposableStack): Promise<Comparison[]> {
  const { q, durationMs, warmUpMs } = bench
  const raw = parts.use(await startRawRequests(bench.system.natsUrl, { requestBytes, replyBytes }))
  const nextId = turns(bench.ids.slice(0, 1_000))
  const readOne = (): Promise<unknown> => q.read(nextId(), 'Value')
  const readMany = (): Promise<unknown> =>
    q.readMany(Array.from({ length: readsPerRequest }, () => ({ entity: nextId(), path: 'Value' })))
  const one = { concurrency: 1, durationMs, warmUpMs }
  const many = { concurrency: callers, durationMs, warmUpMs }
  return [
    {
      name: 'read one field, 1 in flight, p50',
      unit: 'µs',
      limitName: 'NATS request/reply p50',
      target: { relation: '≤', ratio: 2 },
      limit: async () => ({ value: (await raw.measure(one)).p50Us }),
      qcore: async () => {
        const result = await closedLoop(readOne, one)
        return { ...result, value: result.p50Us }
      },
    },
    {
      name: `read one field, ${callers} in flight`,
      unit: '1/s',
      limitName: `NATS request/reply at ${callers}`,
      target: { relation: '≥', ratio: 0.6 },
      limit: async () => ({ value: (await raw.measure(many)).perSecond }),
      qcore: async () => {
        const result = await closedLoop(readOne, many)
        return { ...result, value: result.perSecond }
      },
    },
    {
      name: `read ${readsPerRequest} fields a request, fields`,
      unit: '1/s',
      limitName: `NATS requests at ${callers}`,
      target: { relation: '≥', ratio: 8 },
      limit: async () => ({ value: (await raw.measure(many)).perSecond }),
      qcore: async () => {
        const result = await closedLoop(readMany, { ...many, concurrency: 8 })
        return { ...result, value: result.perSecond * readsPerRequest }
      },
    },
  ]
}
