import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readFileIfAny } from './private-file.ts'
import { isRunning, markProcess, sendSignal, type ProcessMark } from './process-mark.ts'

const recordFileName = 'processes.json'
const graceMs = 2_000
const pollMs = 20

/** Keeps in a data folder which service processes run, for whoever comes after a kill. */
export function recordProcesses(folder: string, pids: readonly number[]): void {
  const marks = pids.map((pid) => markProcess(pid)).filter((mark) => mark !== undefined)
  writeFileSync(path.join(folder, recordFileName), JSON.stringify(marks), { mode: 0o600 })
}

/** Ends the service processes that a killed process left running. */
export async function endLeftoverProcesses(folder: string): Promise<void> {
  const marks = readMarks(folder).filter(isRunning)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const { pid } of marks.filter(isRunning)) sendSignal(pid, signal)
    const deadline = Date.now() + graceMs
    while (marks.some(isRunning) && Date.now() < deadline) await delay(pollMs)
  }
}

function readMarks(folder: string): ProcessMark[] {
  try {
    return JSON.parse(readFileIfAny(path.join(folder, recordFileName)) ?? '[]') as ProcessMark[]
  } catch {
    return []
  }
}
