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
  return { [Symbol.dispose]: () => void undos.delete(undo) }
}

function undoAll(): void {
  for (const undo of [...undos].reverse()) undo()
}

/** Removes folders, mounts and networks of processes that were killed. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}-(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeFolder(path.join(tmpdir(), name))
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
