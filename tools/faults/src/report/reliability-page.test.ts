import { expect, it } from 'vitest'
import { reliabilityPage } from './reliability-page.ts'
import { resultWithout, type RunResult } from './run-result.ts'

function run(seed: number, pauseMs: number, rest: Partial<RunResult> = {}): RunResult {
  const faults = [{ name: 'kill', proof: 'p', pauseMs, allowedMs: 6_000 }]
  const blank = resultWithout({ name: 'kill-leader', summary: '' }, { seed, outcome: 'passed', reason: '' })
  return { ...blank, operations: 100, acknowledged: 1_000, inDoubt: 2, checks: { acknowledged: 0 }, faults, ...rest }
}

function rowOf(name: string, results: readonly RunResult[]): string | undefined {
  const page = reliabilityPage({ results, machine: 'a machine' })
  return page.split('\n').find((line) => line.startsWith(`| ${name} |`))
}

it('adds up the runs of a scenario, and shows the longest pause', () => {
  const row = rowOf('kill-leader', [run(1, 4_000), run(2, 5_230)])
  expect(row).toContain('| 2,000 | 4 | 5.2 of 6 s | 2 passed (seeds 1, 2) |')
})

it('never calls passed what was not run, is void, or failed', () => {
  expect(rowOf('stop-leader', [run(1, 4_000)])).toContain('| not run |')
  const bad = [run(1, 4_000, { outcome: 'void' }), run(2, 7_000, { outcome: 'failed', checks: { recovery: 1 } })]
  expect(rowOf('kill-leader', bad)).toContain('| 7 of 6 s | 1 void (seeds 1); 1 failed (seeds 2) |')
  expect(reliabilityPage({ results: bad, machine: 'a machine' })).toContain('found 1 violations')
})
