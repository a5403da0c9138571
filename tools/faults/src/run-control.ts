import { allChecks } from './checks/all-checks.ts'
import type { Control } from './controls/control.ts'
import { startNats, startPostgres } from '@qcore/local-stack'
import { keepResult, openRunFolder, whyNotHere, type RunOptions } from './run-folder.ts'
import { resultWithout, type RunResult } from './report/run-result.ts'

/** Runs a control, and passes it if all checks that it is for find something. */
export async function runControl(control: Control, options: RunOptions): Promise<RunResult> {
  const { seed, signal } = options
  const reason = await whyNotHere(control.needs)
  if (reason !== undefined) return resultWithout(control, { seed, outcome: 'not run', reason })
  const folder = await openRunFolder(control.name, options)
  return keepResult(folder, async () => {
    await using postgres = await startPostgres({ durable: false })
    await using nats = await startNats()
    try {
      const recording = await control.record({ seed, folder, signal, postgres, nats })
      const found = allChecks.map(({ name, find }) => [name, find(recording).length] as const)
      const checks = Object.fromEntries(found)
      const blind = control.bites.filter((name) => (checks[name] ?? 0) === 0)
      const reasons = blind.map((name) => `the check ${name} did not find it out`)
      const result = resultWithout(control, { seed, outcome: blind.length > 0 ? 'failed' : 'passed', reason: '' })
      return { ...result, reasons, folder, checks, bites: control.bites }
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return resultWithout(control, { seed, outcome: 'failed', reason: `the run broke off: ${reason}` })
    }
  })
}
