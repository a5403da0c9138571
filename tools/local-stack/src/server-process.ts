import { spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { sendSignal } from './process-mark.ts'

export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** The account to run as; absent: that of this process. */
  readonly account?: { uid: number; gid: number }
  readonly cwd?: string
}

/** A signal, and how long to wait for the end before the next one. */
export interface StopStep {
  readonly signal: NodeJS.Signals
  readonly waitMs: number
}

export interface ServerProcess {
  readonly pid: number | undefined
  /** Resolves when the process is gone, with the reason for people. */
  readonly exited: Promise<string>
  hasExited(): boolean
  /** What it wrote to its log since its start. */
  output(): string
  stop(steps: readonly StopStep[]): Promise<void>
}

/** A log that grew beyond this is set aside at the next start; one old log is kept. */
const logLimitBytes = 8 * 1024 * 1024
const outputLimitBytes = 64 * 1024

/** Runs a server with its output in a log file, outside the terminal's process group: Ctrl-C is for the parent. */
export function spawnServer({ command, args, env, account, cwd }: ServerCommand, logFile: string): ServerProcess {
  const log = openLog(logFile)
  const logStart = fstatSync(log).size
  const child = spawn(command, [...args], {
    detached: true,
    stdio: ['ignore', log, log],
    ...(env === undefined ? {} : { env }),
    ...account,
    ...(cwd === undefined ? {} : { cwd }),
  })
  closeSync(log)
  let gone = false
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`))
    child.once('error', (error) => resolve(error.message))
  }).then((reason) => {
    gone = true
    return reason
  })
  return {
    pid: child.pid,
    exited,
    hasExited: () => gone,
    output: () => readFrom(logFile, logStart),
    stop: async (steps) => {
      if (child.pid === undefined) return
      // A server that a fault test has paused hears nothing else.
      sendSignal(child.pid, 'SIGCONT')
      for (const { signal, waitMs } of steps) {
        if (gone) return
        sendSignal(child.pid, signal)
        await Promise.race([exited, delay(waitMs, undefined, { ref: false })])
      }
    },
  }
}

function openLog(logFile: string): number {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  if (size > logLimitBytes) renameSync(logFile, `${logFile}.old`)
  return openSync(logFile, 'a', 0o600)
}

function readFrom(file: string, start: number): string {
  const handle = openSync(file, 'r')
  try {
    const end = fstatSync(handle).size
    const from = Math.max(start, end - outputLimitBytes)
    const buffer = Buffer.alloc(Math.max(0, end - from))
    return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, from)).toString('utf8')
  } finally {
    closeSync(handle)
  }
}
