import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { removeLeftovers } from './cluster/leftovers.ts'
import type { RunResult } from './report/run-result.ts'
import { runScenario } from './run-scenario.ts'
import { allScenarios } from './scenarios/all-scenarios.ts'
import type { Scenario } from './scenarios/scenario.ts'

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
})
const seed = Number(values.seed)
const chosen = choose(positionals)
if (chosen.length === 0 || !Number.isSafeInteger(seed)) {
  const names = ['smoke', 'all', ...allScenarios.map(({ name }) => name)]
  console.error(`npm run faults -- NAME [--seed N] [--json FILE], where NAME is one of: ${names.join(', ')}`)
  process.exitCode = 2
} else {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  removeLeftovers()
  const results: RunResult[] = []
  for (const scenario of chosen) {
    if (stop.signal.aborted) break
    const result = await runScenario(scenario, {
      seed,
      runsFolder: path.resolve(import.meta.dirname, '../../../.qcore/faults'),
      signal: stop.signal,
    })
    results.push(result)
    printResult(result)
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
  if (stop.signal.aborted || results.some(({ outcome }) => outcome === 'failed' || outcome === 'void')) {
    process.exitCode = 1
  }
}

function choose([name = '']: readonly string[]): readonly Scenario[] {
  if (name === 'all') return allScenarios
  if (name === 'smoke') return allScenarios.filter(({ inSmoke }) => inSmoke)
  return allScenarios.filter((scenario) => scenario.name === name)
}

function printResult({ scenario, seed, outcome, reasons, faults, ratePerSecond, durationMs }: RunResult): void {
  const pauses = faults.map(({ pauseMs, allowedMs }) => (allowedMs === 0 ? '-' : `${pauseMs}/${allowedMs} ms`))
  console.log(
    `${outcome.padEnd(7)} ${scenario} (seed ${seed}): ${ratePerSecond} op/s, pauses ${pauses.join(' ')}, ${Math.round(durationMs / 1_000)} s`,
  )
  for (const reason of reasons) console.log(`        ${reason}`)
}
