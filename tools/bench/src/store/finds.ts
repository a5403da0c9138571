import { closedLoop } from '../measure/closed-loop.ts'
import type { Comparison } from '../measure/comparison.ts'
import type { BenchContext } from './bench-context.ts'
import { distinctLevels } from './dataset.ts'

const found = 50

/** A find by an indexed field, against what it needs at least: the keys from the index, and their entities, prepared. */
export function findComparisons(bench: BenchContext): Comparison[] {
  const { q, postgres, durationMs, warmUpMs } = bench
  const options = { concurrency: 1, durationMs, warmUpMs }
  const statement = `
    select e.id, e.type, e.name, e.parent_id, e.created_revision
    from main.field f join main.entity e on e.id = f.entity_id
    where f.field_id = $1 and f.int_key = $2
    order by f.entity_id limit ${found}`
  const levelField = async (): Promise<number> => {
    const { rows } = await postgres.client.query<{ fieldId: number }>(
      'select field_id as "fieldId" from main.field where entity_id = $1 and int_key is not null',
      [bench.ids[0]],
    )
    return rows[0]?.fieldId ?? 0
  }
  let level = 0
  return [
    {
      name: `find ${found} of ${bench.ids.length.toLocaleString('en-US')} entities by an indexed field, p50`,
      unit: 'µs',
      limitName: 'the same SQL, prepared, p50',
      target: { relation: '≤', ratio: 3 },
      limit: async () => {
        const fieldId = await levelField()
        const query = (): Promise<unknown> =>
          postgres.client.query({ name: 'bench_find', text: statement, values: [fieldId, level++ % distinctLevels] })
        return { value: (await closedLoop(query, options)).p50Us }
      },
      qcore: async () => {
        const find = (): Promise<unknown> =>
          q.find('Sensor', { where: { Level: level++ % distinctLevels }, limit: found }).page()
        const result = await closedLoop(find, options)
        return { ...result, value: result.p50Us }
      },
    },
  ]
}
