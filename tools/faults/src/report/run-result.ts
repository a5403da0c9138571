/** How a run came out. A run that is void or not run proves nothing, and does not count as passed. */
export type RunOutcome = 'passed' | 'failed' | 'void' | 'not run'

/** The result of a run, as it is written to files. */
export interface RunResult {
  readonly scenario: string
  readonly summary: string
  readonly seed: number
  readonly outcome: RunOutcome
  /** Why it is not passed. */
  readonly reasons: readonly string[]
  /** Where its history and its logs are. */
  readonly folder: string
  readonly durationMs: number
  /** Operations answered a second before the fault; the least, if there were several. */
  readonly ratePerSecond: number
  readonly operations: number
  readonly acknowledged: number
  readonly inDoubt: number
  readonly revisions: number
  /** Violations that each check found. */
  readonly checks: Readonly<Record<string, number>>
  /** All that was found, with what the scenario itself expected. */
  readonly violations: number
  readonly faults: readonly FaultResult[]
  /** Of a control: the checks that had to find something. */
  readonly bites?: readonly string[]
}

export interface FaultResult {
  readonly name: string
  readonly proof: string
  /** The longest time without an acknowledged commit. */
  readonly pauseMs: number
  /** 0: not limited. */
  readonly allowedMs: number
}

/**
 * Whether nothing but time was wrong: the load was too small, nothing showed the fault, or writes went on too late. A busy
 * machine can do that; nothing was lost.
 */
export function isOnlyLate({ outcome, checks, violations }: RunResult): boolean {
  if (outcome === 'void') return true
  return outcome === 'failed' && violations > 0 && violations === checks['recovery']
}

/** The last line of a command: how its runs came out, and how many were tried again. */
export function closingLine(results: readonly RunResult[], triedAgain: number): string {
  const outcomes: readonly RunOutcome[] = ['passed', 'failed', 'void', 'not run']
  const counts = outcomes.map((each) => `${results.filter(({ outcome }) => outcome === each).length} ${each}`)
  return `fault runs: ${counts.join(', ')}; ${triedAgain} tried again`
}

/** The result of a run that did not come to its checks. */
export function resultWithout(
  { name, summary }: { readonly name: string; readonly summary: string },
  { seed, outcome, reason }: { readonly seed: number; readonly outcome: RunOutcome; readonly reason: string },
): RunResult {
  return {
    scenario: name,
    summary,
    seed,
    outcome,
    reasons: reason === '' ? [] : [reason],
    folder: '',
    durationMs: 0,
    ratePerSecond: 0,
    operations: 0,
    acknowledged: 0,
    inDoubt: 0,
    revisions: 0,
    checks: {},
    violations: 0,
    faults: [],
  }
}
