import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalStackError } from './local-stack-error.ts'
import { commandLine, isRunning, markProcess, sendSignal } from './process-mark.ts'
import type { StopStep } from './server-process.ts'

const pollMs = 20

export interface LeftoverSearch {
  /** Written by the server; its first line is the process id. */
  readonly pidFile: string
  /** A path that is part of that server's command line and of no other's. */
  readonly ownPath: string
  readonly steps: readonly StopStep[]
}

/**
 * Stops the server that an earlier process left running on a data folder.
 * The process id alone proves nothing, it may be somebody else's by now: the command line has to name the folder.
 *
 * @returns whether there was one
 */
export async function stopLeftover({ pidFile, ownPath, steps }: LeftoverSearch): Promise<boolean> {
  const pid = readPid(pidFile)
  const mark = pid === undefined ? undefined : markProcess(pid)
  if (mark === undefined || !commandLine(mark.pid).includes(ownPath)) return false
  sendSignal(mark.pid, 'SIGCONT')
  for (const { signal, waitMs } of steps) {
    sendSignal(mark.pid, signal)
    const deadline = Date.now() + waitMs
    while (isRunning(mark) && Date.now() < deadline) await delay(pollMs)
    if (!isRunning(mark)) return true
  }
  throw new LocalStackError(`process ${mark.pid} still runs on ${ownPath} and cannot be stopped`)
}

/** The process id in the first line of a file, if there is one. */
export function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
    return pid > 1 ? pid : undefined
  } catch {
    return undefined
  }
}
