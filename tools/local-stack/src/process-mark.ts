import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** A process of this machine. The start time tells it from a later one with the same id. */
export interface ProcessMark {
  readonly pid: number
  /** Opaque: in whatever form the machine tells it. */
  readonly startedAt: string
}

const hasProcFolder = existsSync('/proc/self/stat')

/** The mark of a process, or undefined if it does not run. */
export function markProcess(pid: number): ProcessMark | undefined {
  const startedAt = hasProcFolder ? startTicks(pid) : askPs(pid, 'lstart=')
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** Whether exactly this process still runs. */
export function isRunning(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.startedAt === mark.startedAt
}

/** The command line of a process, its arguments joined with spaces; empty if it does not run. */
export function commandLine(pid: number): string {
  if (!hasProcFolder) return askPs(pid, 'command=') ?? ''
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** Sends a signal; false if the process is gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** The id of the process that started a process, or has inherited it. */
export function parentOf(pid: number): number | undefined {
  const parent = Number(hasProcFolder ? statFields(pid)?.[1] : askPs(pid, 'ppid='))
  return parent > 0 ? parent : undefined
}

function startTicks(pid: number): string | undefined {
  const fields = statFields(pid)
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

/** The fields of /proc/<pid>/stat from the state on. */
function statFields(pid: number): string[] | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The program's name, in brackets, may hold spaces; what follows it is at fixed places.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function askPs(pid: number, column: string): string | undefined {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}
