import { allChecks } from '../checks/all-checks.ts'
import { allControls } from '../controls/all-controls.ts'
import { leastRate } from '../record-run.ts'
import { allScenarios } from '../scenarios/all-scenarios.ts'
import type { RunResult } from './run-result.ts'

export interface PageSource {
  /** Of any number of runs of everything. */
  readonly results: readonly RunResult[]
  /** For people: what the runs were made on. */
  readonly machine: string
}

/** The page docs/reliability.md, from the results of runs. */
export function reliabilityPage({ results, machine }: PageSource): string {
  return `${[
    '# Reliability',
    '',
    'What happens to the platform when something breaks, as tried: `npm run faults -- all --seed N --json FILE`. This page is made',
    'from such files, by `npm run faults -- page FILE…`. [tools/faults](../tools/faults/README.md) says how a run works.',
    '',
    '## Setting',
    '',
    `${machine}. Two writers, two readers, two notifiers, auth, gateway, PostgreSQL (durable), NATS and Redis are processes`,
    'of that one machine, with the standard settings (lease 5 s). 8 clients write and read, 14 subscribers of all kinds watch; an attempt waits 2 s',
    `for its answer. A fault counts only if at least ${leastRate} operations a second were answered before it, and something shows that it hit.`,
    'Scenarios of schedules have three schedulers besides (lease 3 s), and schedules that fire every second or two.',
    'The pause is the longest time without an acknowledged commit, the longest of all runs, and what is allowed.',
    '',
    '## Faults',
    '',
    ...scenarioTable(results),
    '',
    '## Checks',
    '',
    `All of them were made after every run, and found ${totalFound(results)} violations.`,
    '',
    '| check | what holds |',
    '| --- | --- |',
    ...allChecks.map(({ name, promise }) => `| ${name} | ${promise} |`),
    '',
    '## Controls',
    '',
    'Small systems that do it wrong. Each must be found out, by the checks named.',
    '',
    '| control | what it does wrong | found by | runs |',
    '| --- | --- | --- | --- |',
    ...allControls.map(
      ({ name, summary, bites }) => `| ${name} | ${summary} | ${bites.join(', ')} | ${outcomes(results, name)} |`,
    ),
  ].join('\n')}\n`
}

function scenarioTable(results: readonly RunResult[]): string[] {
  const rows = allScenarios.map(({ name, summary }) => {
    const runs = results.filter(({ scenario, operations }) => scenario === name && operations > 0)
    const faults = runs.flatMap((run) => run.faults).filter(({ allowedMs }) => allowedMs > 0)
    const pauses = [...new Set(faults.map(({ allowedMs }) => allowedMs))].map((allowedMs) => {
      const longest = Math.max(...faults.filter((fault) => fault.allowedMs === allowedMs).map(({ pauseMs }) => pauseMs))
      return `${seconds(longest)} of ${seconds(allowedMs)} s`
    })
    const acknowledged = runs.reduce((sum, run) => sum + run.acknowledged, 0)
    const inDoubt = runs.reduce((sum, run) => sum + run.inDoubt, 0)
    const cells = [
      name,
      summary,
      acknowledged.toLocaleString('en'),
      inDoubt,
      pauses.join('; '),
      outcomes(results, name),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| scenario | what happens | acknowledged commits | in doubt, then settled | longest pause | runs |',
    '| --- | --- | ---: | ---: | --- | --- |',
    ...rows,
  ]
}

/** As `5 passed (seeds 1, 2, 3, 4, 5)`. */
function outcomes(results: readonly RunResult[], name: string): string {
  const runs = results.filter(({ scenario }) => scenario === name)
  if (runs.length === 0) return 'not run'
  return [...Map.groupBy(runs, ({ outcome }) => outcome)]
    .map(([outcome, group]) => `${group.length} ${outcome} (seeds ${group.map(({ seed }) => seed).join(', ')})`)
    .join('; ')
}

function totalFound(results: readonly RunResult[]): number {
  const scenarios = results.filter(({ bites }) => bites === undefined)
  return scenarios.reduce((sum, { checks }) => sum + Object.values(checks).reduce((a, b) => a + b, 0), 0)
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(ms % 1_000 === 0 ? 0 : 1)
}
