import { not, or, query, type QueryBuilder } from '@qcore/client'
import { closedLoop } from '../measure/closed-loop.ts'
import type { Comparison } from '../measure/comparison.ts'
import type { BenchContext } from './bench-context.ts'

const found = 50
/** As at a reader: with what PostgreSQL would do without them, the limit would be another statement. */
const readerSettings = 'set search_path = main; set enable_seqscan = off; set enable_bitmapscan = off; set jit = off'

/** Forms of a query, each against its own statement, as `explain` tells it, on a bare connection. */
export function queryComparisons(bench: BenchContext): Comparison[] {
  const { q } = bench
  const joined = query('Sensor')
    .where(or({ Level: { lt: 20 } }, { Level: { gte: 980 } }), not({ Level: { in: [5, 990] } }))
    .orderBy('Level', 'desc')
    .limit(found)
  const indirect = query('Sensor').where({ Level: 7, 'Parent->Name': 'Sensors' }).limit(found)
  const counted = query('Sensor')
    .where({ Level: { lt: 20 } })
    .count()
  const text = `FROM Sensor WHERE (Level < 20 OR Level >= 980) AND NOT Level IN (5, 990) ORDER BY Level DESC LIMIT ${found}`
  const page = (input: QueryBuilder | string) => (): Promise<unknown> => q.query(input, { pageSize: found }).page()
  return [
    form(bench, 'query, and/or/not, ordered', joined, page(joined)),
    form(bench, 'query, and/or/not, ordered, as text', joined, page(text)),
    form(bench, 'query, by indirection', indirect, page(indirect)),
    form(bench, 'query, count', counted, () => q.count(counted)),
  ]
}

function form(
  { q, postgres: { client }, durationMs, warmUpMs }: BenchContext,
  name: string,
  input: QueryBuilder,
  call: () => Promise<unknown>,
): Comparison {
  const options = { concurrency: 1, durationMs, warmUpMs }
  return {
    name: `${name}, p50`,
    unit: 'µs',
    limitName: 'the same SQL, prepared, p50',
    limit: async () => {
      const { sql, parameters } = await q.explain(input, { pageSize: found })
      await client.query(readerSettings)
      const values = [...parameters]
      const result = await closedLoop(() => client.query({ name: `bench ${name}`, text: sql, values }), options)
      await client.query('reset all')
      return { value: result.p50Us }
    },
    qcore: async () => {
      const result = await closedLoop(call, options)
      return { ...result, value: result.p50Us }
    },
  }
}
