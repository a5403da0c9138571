import { readdirSync, readFileSync } from 'node:fs'

/** The letter by which the kernel tells a process's state: `T` is stopped. Empty if there is none, or no /proc. */
export function processState(pid: number): string {
  return statFields(pid)?.[0] ?? ''
}

/** The processes that a process started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((each) => Number.isInteger(each) && Number(statFields(each)?.[1]) === pid)
}

/** The fields of /proc/<pid>/stat from the state on. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name, in brackets, may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
