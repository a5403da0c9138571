/** What is to be done when something is due. */
export type Action = 'nothing' | 'webhook'

/** Something that was due, and was done. Times are milliseconds since 1970, on the machine's clock. */
export interface Run {
  readonly dueMs: number
  readonly startedMs: number
  readonly endedMs: number
}

/** Something that has actions carried out at their times. */
export interface Contender {
  readonly name: string
  /** Makes jobs or schedules of one time each. */
  add(dueMs: readonly number[], action: Action): Promise<void>
  /** Waits until so many are done that were added since the last call, and tells of them. Throws if they are not in time. */
  results(count: number): Promise<Run[]>
}

/** Now, finer than `Date.now()`. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** How many of them were done a second, from when the first was due. */
export function perSecond(runs: readonly Run[]): number {
  const first = runs.reduce((least, { dueMs }) => Math.min(least, dueMs), Infinity)
  return runs.length / (elapsedMs(runs, first) / 1_000)
}

function elapsedMs(runs: readonly Run[], fromMs: number): number {
  return runs.reduce((most, { endedMs }) => Math.max(most, endedMs), fromMs) - fromMs
}
