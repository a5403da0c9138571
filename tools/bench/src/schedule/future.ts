import { median } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { latenessOf } from './lateness.ts'
import type { ScheduleBench } from './schedule-context.ts'

const few = 1_000
const wantedRatio = 1.5
const rate = 100
/** Of each: a million occurrences cannot come and go between them. */
const fullRounds = 3

/** What occurrences of the far future cost those that are due. */
export async function measureFuture(bench: ScheduleBench, onRow: (row: Row) => void): Promise<void> {
  const many = bench.quick ? 10_000 : 1_000_000
  await addFuture(bench, few)
  const limits = await measureLatenesses(bench)
  await addFuture(bench, many - few)
  const own = await measureLatenesses(bench)
  const [limit, qcore] = [median(limits), median(own)]
  const ratio = qcore / limit
  onRow({
    name: `from due to begun with ${many.toLocaleString('en-US')} occurrences of the future, p50`,
    unit: 'µs',
    qcore,
    limit,
    limitName: `with ${few.toLocaleString('en-US')}`,
    ratio,
    ratioRange: [Math.min(...own) / Math.max(...limits), Math.max(...own) / Math.min(...limits)],
    target: `≤ ${wantedRatio}`,
    reached: ratio <= wantedRatio,
  })
}

async function measureLatenesses({ own, quick }: ScheduleBench): Promise<number[]> {
  const medians: number[] = []
  for (let round = 0; round < (quick ? 1 : fullRounds); round++) {
    medians.push((await latenessOf(own, rate, quick ? 1 : 5)).p50)
  }
  return medians
}

/** Rows as the planner makes them, from a year ahead on. */
async function addFuture({ postgres }: ScheduleBench, count: number): Promise<void> {
  await postgres.query(
    `insert into occurrence (id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
     select gen_random_uuid()::text, 'far' || n % 1000 || '-' || $1, us, us, us, us, 1, 1, 0, us
     from generate_series(1, $1::int) as n,
       lateral (select ((extract(epoch from now()) + 31536000 + n) * 1000000)::bigint as us) as far`,
    [count],
  )
  // As in the bench of the store: otherwise PostgreSQL does so while the next figure is measured.
  await postgres.query('vacuum (analyze) occurrence')
  await postgres.query('checkpoint')
}
