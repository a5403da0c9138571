import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalStackError } from './local-stack-error.ts'
import { isRunning, markProcess, type ProcessMark } from './process-mark.ts'

/** In the claimed folder: the process that holds it. */
export const claimFileName = 'owner.json'

const pollMs = 50

/** Takes a data folder for this process, until it is released. A claim of a process that died does not count. */
export function claimFolder(folder: string): Disposable {
  const file = path.join(folder, claimFileName)
  const own = markProcess(process.pid)
  if (own === undefined) throw new Error('this process does not run')
  const owner = readClaim(folder)
  if (owner !== undefined) {
    if (isRunning(owner)) throw new LocalStackError(`${folder} is in use by the running process ${owner.pid}`)
    rmSync(file, { force: true })
  }
  try {
    writeFileSync(file, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new LocalStackError(`${folder} was taken by another process at this moment`, { cause: error })
  }
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) }
}

/** Waits a moment for the process that holds a folder: it may be about to end. */
export async function awaitClaim(folder: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs
  while (isClaimed(folder) && Date.now() < deadline) await delay(pollMs)
}

/** Whether a running process holds the folder. */
export function isClaimed(folder: string): boolean {
  const owner = readClaim(folder)
  return owner !== undefined && isRunning(owner)
}

function readClaim(folder: string): ProcessMark | undefined {
  try {
    const claim: unknown = JSON.parse(readFileSync(path.join(folder, claimFileName), 'utf8'))
    return isMark(claim) ? claim : undefined
  } catch {
    return undefined
  }
}

function isMark(value: unknown): value is ProcessMark {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'startedAt' in value &&
    typeof value.startedAt === 'string'
  )
}
