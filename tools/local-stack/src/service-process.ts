import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Environment } from '@qcore/service'
import { endWithProcess } from './live-servers.ts'
import { LocalStackError } from './local-stack-error.ts'
import { sendSignal } from './process-mark.ts'
import { waitUntilReady, type ReadinessProbe } from './readiness.ts'
import type { OutputTail, ServiceLog } from './service-log.ts'
import { compileCacheFolder, workspaceFolder } from './workspace.ts'

/** A qcore process: one service, or several. */
export interface RunningProcess {
  /** The service in it, or `qcore` if all are in one. */
  readonly name: string
  readonly pid: number
  /** Resolves when the present process is gone, with the reason for people. */
  ended(): Promise<string>
  /** Sends a signal, for fault tests. */
  kill(signal: NodeJS.Signals): void
  /** Stops it if it runs, starts it with the same settings, and waits until it is ready. */
  restart(): Promise<void>
}

export interface ProcessPlan {
  readonly name: string
  /** The file to run. */
  readonly program: string
  readonly env: Environment
  /** A command that runs the program's command line, given after it, in its own place: `['nsenter', '--net=…']`. */
  readonly wrapper?: readonly string[]
  /** Where to see that it is ready. */
  readonly readiness: readonly ReadinessProbe[]
  readonly log: ServiceLog
  /** Called with each new process id. */
  onSpawn(this: void): void
}

export interface ServiceProcess extends RunningProcess {
  start(signal: AbortSignal | undefined): Promise<void>
  stop(): Promise<void>
}

const readyTimeoutMs = 45_000
/** Longer than the time that the services give themselves (`shutdownTimeoutMs`). */
const stopTimeoutMs = 10_000
const killTimeoutMs = 2_000
/** Given to the services as `Q_SHUTDOWN_TIMEOUT_MS`. */
export const shutdownTimeoutMs = 8_000

export function planProcess({ name, program, env, wrapper, readiness, log, onSpawn }: ProcessPlan): ServiceProcess {
  let child: ChildProcess | undefined
  let tail: OutputTail | undefined
  let gone: Promise<string> = Promise.resolve('not started')
  const isUp = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null

  const start = async (signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted()
    const [command, ...args] = [...(wrapper ?? []), process.execPath, program]
    const started = spawn(command, args, {
      // Ctrl-C goes to the process group of the terminal; who stops when is decided here.
      detached: true,
      cwd: workspaceFolder,
      env: { NODE_COMPILE_CACHE: compileCacheFolder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    gone = new Promise((resolve) => {
      started.once('exit', (code, by) => resolve(by === null ? `exit code ${code}` : `signal ${by}`))
      started.once('error', (error) => resolve(error.message))
    })
    tail = log.collect(name, started.stdout)
    const errors = log.collect(name, started.stderr)
    onSpawn()
    await becomeReady(gone, signal).catch((error: unknown) => {
      const complaint = errors.lastComplaint() || tail?.lastComplaint() || ''
      if (error instanceof LocalStackError && complaint !== '') {
        throw new LocalStackError(`${error.message}: ${complaint}`, { cause: error })
      }
      throw error
    })
  }

  const becomeReady = async (ended: Promise<string>, signal: AbortSignal | undefined): Promise<void> => {
    const giveUp = new AbortController()
    const signals = [giveUp.signal, AbortSignal.timeout(readyTimeoutMs), ...(signal === undefined ? [] : [signal])]
    const limit = AbortSignal.any(signals)
    let unready = ''
    const waits = readiness.map((each) => waitUntilReady(each, limit, (reason) => void (unready = reason)))
    const failure = ended.then((reason) => {
      throw new LocalStackError(`${name} ended while it started (${reason})`)
    })
    try {
      await Promise.race([Promise.all(waits), failure])
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof LocalStackError) throw error
      const message = `${name} was not ready within ${readyTimeoutMs / 1_000} s (${unready})`
      throw new LocalStackError(message, { cause: error })
    } finally {
      giveUp.abort()
      await Promise.allSettled(waits)
    }
  }

  const end = async (): Promise<void> => {
    for (const [signal, waitMs] of [
      ['SIGTERM', stopTimeoutMs],
      ['SIGKILL', killTimeoutMs],
    ] as const) {
      if (child?.pid === undefined || !isUp()) return
      // A process that a fault test has paused hears nothing else.
      sendSignal(child.pid, 'SIGCONT')
      sendSignal(child.pid, signal)
      await Promise.race([gone, delay(waitMs, undefined, { ref: false })])
    }
  }

  const guard = endWithProcess({
    get pid() {
      return isUp() ? child?.pid : undefined
    },
    exitSignal: 'SIGKILL',
    temporaryFolder: undefined,
  })
  return {
    name,
    get pid() {
      return child?.pid ?? 0
    },
    ended: () => gone,
    kill: (signal) => {
      if (child?.pid !== undefined && isUp()) sendSignal(child.pid, signal)
    },
    start,
    restart: async () => {
      await end()
      await start(undefined)
    },
    stop: async () => {
      await end()
      guard[Symbol.dispose]()
    },
  }
}
