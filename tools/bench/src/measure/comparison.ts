import { median } from './closed-loop.ts'

/** One measurement of one side. */
export interface Sample {
  /** In the unit of the comparison. */
  value: number
  /** Microseconds, where calls were timed. */
  p50Us?: number
  p99Us?: number
}

/** Two sides measured in turn. */
export interface Comparison {
  name: string
  /** Of both values, for example `µs` or `1/s`. */
  unit: string
  /** What qcore is measured against. */
  limitName: string
  /** What the ratio qcore / limit should be. None: the ratio is shown only. */
  target?: { relation: '≤' | '≥'; ratio: number }
  /** Rounds, if not as many as of the others. */
  rounds?: number
  limit(): Promise<Sample>
  qcore(): Promise<Sample>
}

/** A measured row of the table. */
export interface Row {
  name: string
  unit: string
  qcore: number
  /** Absent where there is no limit to compare with. */
  limit?: number
  limitName: string
  /** The median of the ratios of the rounds. */
  ratio?: number
  ratioRange?: [number, number]
  /** Empty where there is none. */
  target: string
  /** Absent where there is no target. */
  reached?: boolean
  p50Us?: number
  p99Us?: number
}

/**
 * Measures the limit and qcore in turn (A B A B …), so that a machine whose speed drifts is as fast for the one as for the
 * other, and takes medians.
 */
export async function compare(comparison: Comparison, rounds: number): Promise<Row> {
  const limits: Sample[] = []
  const own: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    limits.push(await comparison.limit())
    own.push(await comparison.qcore())
  }
  const ratios = own.map((sample, round) => sample.value / (limits[round]?.value ?? Number.NaN))
  const ratio = median(ratios)
  return {
    name: comparison.name,
    unit: comparison.unit,
    qcore: median(own.map(({ value }) => value)),
    limit: median(limits.map(({ value }) => value)),
    limitName: comparison.limitName,
    ratio,
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    ...judged(ratio, comparison.target),
    ...timesOf(own),
  }
}

function judged(ratio: number, target: Comparison['target']): Pick<Row, 'target' | 'reached'> {
  if (target === undefined) return { target: '' }
  const { relation, ratio: wanted } = target
  return { target: `${relation} ${wanted}`, reached: relation === '≤' ? ratio <= wanted : ratio >= wanted }
}

function timesOf(samples: readonly Sample[]): { p50Us?: number; p99Us?: number } {
  const times = (key: 'p50Us' | 'p99Us'): number[] => samples.flatMap((sample) => sample[key] ?? [])
  const p50 = times('p50Us')
  return p50.length === 0 ? {} : { p50Us: median(p50), p99Us: median(times('p99Us')) }
}
