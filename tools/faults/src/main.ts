import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { allChecks } from './checks/all-checks.ts'
import { removeLeftovers } from './cluster/leftovers.ts'
import { allControls } from './controls/all-controls.ts'
import type { Control } from './controls/control.ts'
import { readRecording } from './history/recording-files.ts'
import { reliabilityPage } from './report/reliability-page.ts'
import { readResults, writeResults } from './report/result-files.ts'
import { closingLine, isOnlyLate, type RunResult } from './report/run-result.ts'
import { runControl } from './run-control.ts'
import { runScenario } from './run-scenario.ts'
import { allScenarios } from './scenarios/all-scenarios.ts'
import type { Scenario } from './scenarios/scenario.ts'

const root = path.resolve(import.meta.dirname, '../../..')
/** Added to the seed. */
const secondTry = 1_000
const usage = `npm run faults -- NAME [--seed N] [--json FILE]
npm run faults -- check FOLDER     checks the recording of a run again
npm run faults -- page FILE…       makes docs/reliability.md from results

NAME: smoke, all, controls, ${[...allScenarios, ...allControls].map(({ name }) => name).join(', ')}`

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
})
const [name = '', ...rest] = positionals
const seed = Number(values.seed)
const chosen = choose(name)
if (name === 'check' && rest[0] !== undefined) {
  await checkAgain(rest[0])
} else if (name === 'page' && rest.length > 0) {
  writeFileSync(path.join(root, 'docs/reliability.md'), reliabilityPage(readResults(rest)))
} else if (chosen.length > 0 && Number.isSafeInteger(seed) && seed >= 0) {
  await runAll(chosen)
} else {
  console.error(usage)
  process.exitCode = 2
}

function choose(name: string): readonly (Scenario | Control)[] {
  if (name === 'all') return [...allScenarios, ...allControls]
  if (name === 'smoke') return [...allScenarios.filter(({ inSmoke }) => inSmoke), ...allControls]
  if (name === 'controls') return allControls
  return [...allScenarios, ...allControls].filter((each) => each.name === name)
}

async function runAll(chosen: readonly (Scenario | Control)[]): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  removeLeftovers()
  const results: RunResult[] = []
  let triedAgain = 0
  for (const each of chosen) {
    if (stop.signal.aborted) break
    let result = await run(each, seed, stop.signal)
    printResult(result)
    // Only CI tries again, and only what a busy machine can do to a run in which nothing was lost.
    if (process.env['CI'] !== undefined && isOnlyLate(result)) {
      triedAgain += 1
      result = await run(each, seed + secondTry, stop.signal)
      printResult(result)
    }
    results.push(result)
    if (values.json !== undefined) writeResults(values.json, results)
  }
  if (chosen.length > 1) console.log(closingLine(results, triedAgain))
  const isBad = results.some(({ outcome }) => outcome === 'failed' || outcome === 'void')
  if (isBad || stop.signal.aborted) process.exitCode = 1
}

function run(each: Scenario | Control, seed: number, signal: AbortSignal): Promise<RunResult> {
  const options = { seed, runsFolder: path.join(root, '.qcore/faults'), signal }
  return 'bites' in each ? runControl(each, options) : runScenario(each, options)
}

function printResult({ scenario, seed, outcome, reasons, faults, bites, ratePerSecond, durationMs }: RunResult): void {
  const pauses = faults.map(({ pauseMs, allowedMs }) => (allowedMs === 0 ? '-' : `${pauseMs}/${allowedMs}`))
  const details =
    bites === undefined
      ? `${ratePerSecond} operations/s, pauses ${pauses.join(' ')} ms`
      : `found by ${bites.join(', ')}`
  console.log(
    `${outcome.padEnd(7)}  ${scenario} (seed ${seed}, ${Math.round(durationMs / 1_000)} s)${outcome === 'not run' ? '' : `: ${details}`}`,
  )
  for (const reason of reasons) console.log(`         ${reason}`)
}

async function checkAgain(folder: string): Promise<void> {
  const recording = await readRecording(folder)
  for (const { name, find } of allChecks) {
    const found = find(recording)
    console.log(`${name}: ${found.length}`)
    for (const violation of found) console.log(`  ${violation}`)
    if (found.length > 0) process.exitCode = 1
  }
}
