import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { missingAbility, type Ability } from './faults/machine.ts'
import type { RunResult } from './report/run-result.ts'

export interface RunOptions {
  readonly seed: number
  /** Where the runs are kept; each has a folder of its own in it. */
  readonly runsFolder: string
  readonly signal: AbortSignal
}

/** Why something cannot be run on this machine; undefined if it can. */
export async function whyNotHere(needs: readonly Ability[]): Promise<string | undefined> {
  for (const ability of needs) {
    const reason = await missingAbility(ability)
    if (reason !== undefined) return `this machine has no ${ability}: ${reason}`
  }
  return undefined
}

/** Makes an empty folder for what is kept of a run. */
export async function openRunFolder(name: string, { seed, runsFolder }: RunOptions): Promise<string> {
  const folder = path.join(runsFolder, `${name}-${seed}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return folder
}

/** Does a run, and keeps its result in its folder. */
export async function keepResult(folder: string, run: () => Promise<RunResult>): Promise<RunResult> {
  const beganMs = performance.now()
  const result = await run()
  const timed = { ...result, durationMs: Math.round(performance.now() - beganMs) }
  await writeFile(path.join(folder, 'result.json'), `${JSON.stringify(timed, null, 2)}\n`)
  return timed
}
