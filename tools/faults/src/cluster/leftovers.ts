import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** The names of everything outside the process that a run makes begin so, and with the process's id. */
const prefix = 'qcore-faults'

/** A name for a temporary folder of this process. */
export function folderPrefix(): string {
  return path.join(tmpdir(), `${prefix}-${process.pid}-`)
}

/** A name for networks of this process; interfaces have at most 15 characters. */
export function networkPrefix(): string {
  return `qf${process.pid}`
}

const undos = new Set<() => void>()

/** Does something when this process exits without having done it. Disposing takes it back. */
export function atExit(undo: () => void): Disposable {
  if (undos.size === 0) process.on('exit', undoAll)
  undos.add(undo)
  return {
    [Symbol.dispose]: () => {
      undos.delete(undo)
      if (undos.size === 0) process.off('exit', undoAll)
    },
  }
}

function undoAll(): void {
  for (const undo of [...undos].reverse()) undo()
}

/** In the environment of every service process: the data folder of its run, by which a leftover one is known. */
export const folderVariable = 'QCORE_FAULTS_FOLDER'

/** Ends and removes what runs that were killed left: processes, folders, mounts and networks. */
export function removeLeftovers(): void {
  if (process.platform !== 'linux') return
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}-(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    const folder = path.join(tmpdir(), name)
    endProcessesOf(folder)
    removeFolder(folder)
  }
  const namespaces = '/run/netns'
  for (const name of existsSync(namespaces) ? readdirSync(namespaces) : []) {
    const pid = /^qf(\d+)n\d+$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) runQuietly('ip', ['netns', 'delete', name])
  }
  for (const name of readdirSync('/sys/class/net')) {
    const pid = /^qf(\d+)b$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) runQuietly('ip', ['link', 'delete', name])
  }
}

/** Ends the servers, which name the folder in their command line, and the services, which have it in their environment. */
function endProcessesOf(folder: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!['cmdline', 'environ'].some((file) => readProcess(pid, file).includes(folder))) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** Removes a folder, and what is mounted in it. */
export function removeFolder(folder: string): void {
  for (const mount of mountsIn(folder)) runQuietly('umount', [mount])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function mountsIn(folder: string): string[] {
  if (!existsSync('/proc/mounts')) return []
  const lines = readFileSync('/proc/mounts', 'utf8').trim().split('\n')
  return lines.map((line) => line.split(' ')[1] ?? '').filter((mount) => mount.startsWith(`${folder}/`))
}

/** Runs a program in a place where nothing can be done about its failure. */
export function runQuietly(program: string, args: readonly string[]): void {
  try {
    execFileSync(program, [...args], { stdio: 'ignore', timeout: quietTimeoutMs })
  } catch {
    // The next run tries again.
  }
}

const quietTimeoutMs = 5_000
