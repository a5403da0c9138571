import { allChecks } from './checks/all-checks.ts'
import { longestPauseMs } from './checks/recovery.ts'
import type { Recording } from './history/recording.ts'
import { writeRecording } from './history/recording-files.ts'
import { recordRun, type RecordedRun } from './record-run.ts'
import { resultWithout, type FaultResult, type RunResult } from './report/run-result.ts'
import { keepResult, openRunFolder, whyNotHere, type RunOptions } from './run-folder.ts'
import type { Scenario } from './scenarios/scenario.ts'

const shownViolations = 5

/** Runs a scenario on a cluster of its own: load, faults, healing; then the recorded history is checked. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const { seed, signal } = options
  const reason = await whyNotHere(scenario.needs)
  if (reason !== undefined) return resultWithout(scenario, { seed, outcome: 'not run', reason })
  const folder = await openRunFolder(scenario.name, options)
  return keepResult(folder, async () => {
    try {
      const run = await recordRun(scenario, { seed, folder, signal })
      await writeRecording(folder, run.recording)
      return { ...judge(run), scenario: scenario.name, summary: scenario.summary, seed, folder, durationMs: 0 }
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return resultWithout(scenario, { seed, outcome: 'failed', reason: `the run broke off: ${reason}` })
    }
  })
}

type Judgement = Omit<RunResult, 'scenario' | 'summary' | 'seed' | 'folder' | 'durationMs'>

function judge({ recording, disappointments, voids, rates }: RecordedRun): Judgement {
  const checks = allChecks.map(({ name, find }) => [name, find(recording)] as const)
  const violations = [
    ...disappointments.map((each) => `expected: ${each}`),
    ...checks.flatMap(([name, found]) => found.slice(0, shownViolations).map((each) => `${name}: ${each}`)),
  ]
  const { operations, head } = recording
  return {
    outcome: violations.length > 0 ? 'failed' : voids.length > 0 ? 'void' : 'passed',
    reasons: [...violations, ...voids],
    ratePerSecond: Math.round(Math.min(...rates)),
    operations: operations.length,
    acknowledged: operations.filter(({ outcome, requestKey }) => outcome === 'ok' && requestKey !== '').length,
    inDoubt: operations.filter(({ wasInDoubt }) => wasInDoubt).length,
    revisions: head.revision,
    checks: Object.fromEntries(checks.map(([name, found]) => [name, found.length])),
    violations: checks.reduce((sum, [, found]) => sum + found.length, disappointments.length),
    faults: faultResults(recording),
  }
}

function faultResults(recording: Recording): FaultResult[] {
  const { faults } = recording
  return faults.map((fault, index) => ({
    name: fault.name,
    proof: fault.proof,
    pauseMs: Math.round(longestPauseMs(recording, fault, faults[index + 1]) ?? 0),
    allowedMs: fault.recovery?.mostMs ?? 0,
  }))
}
