import { describe, expect, it } from 'vitest'
import { closedLoop, median, quantile } from './closed-loop.ts'
import { compare } from './comparison.ts'
import { markdownTable } from './table.ts'

describe('closedLoop', () => {
  it('keeps exactly as many calls in flight as it is told', async () => {
    let inFlight = 0
    let most = 0
    const result = await closedLoop(
      async () => {
        most = Math.max(most, ++inFlight)
        await new Promise(setImmediate)
        inFlight--
      },
      { concurrency: 7, durationMs: 20, warmUpMs: 1 },
    )
    expect(most).toBe(7)
    expect(inFlight).toBe(0)
    expect(result.perSecond).toBeGreaterThan(0)
    expect(result.p99Us).toBeGreaterThanOrEqual(result.p50Us)
  })
})

describe('median and quantile', () => {
  it('do not depend on the order', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(quantile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.5)).toBe(6)
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe('compare', () => {
  it('measures in turn and takes the median of the ratios of the rounds', async () => {
    const order: string[] = []
    const limits = [100, 200, 100]
    const own = [50, 150, 60]
    const row = await compare(
      {
        name: 'row',
        unit: '1/s',
        limitName: 'limit',
        target: { relation: '≥', ratio: 0.6 },
        limit: async () => (order.push('A'), { value: limits.shift() ?? 0 }),
        qcore: async () => (order.push('B'), { value: own.shift() ?? 0, p50Us: 5, p99Us: 9 }),
      },
      3,
    )
    expect(order.join('')).toBe('ABABAB')
    expect(row).toMatchObject({ ratio: 0.6, ratioRange: [0.5, 0.75], reached: true, p50Us: 5, p99Us: 9 })
    expect(markdownTable([row])).toContain(
      '| row | 1/s | 60 | 100 | limit | 0.60 (0.50–0.75) | ≥ 0.6 | reached | 5 | 9 |',
    )
  })

  it('shows the ratio only where there is no target', async () => {
    const row = await compare(
      {
        name: 'row',
        unit: 'µs',
        limitName: 'limit',
        limit: () => Promise.resolve({ value: 2 }),
        qcore: () => Promise.resolve({ value: 6 }),
      },
      1,
    )
    expect(row.reached).toBeUndefined()
    expect(markdownTable([row])).toContain('| row | µs | 6 | 2 | limit | 3.00 (3.00–3.00) |  |  |  |  |')
  })
})
