import { setTimeout as delay } from 'node:timers/promises'
import type { BackingKind, BackingServer } from './backing-server.ts'
import type { DataFolder } from './data-folder.ts'
import { assertPortFree, freePort, loopback } from './free-port.ts'
import { endWithProcess } from './live-servers.ts'
import { LocalStackError } from './local-stack-error.ts'
import { sendSignal } from './process-mark.ts'
import { spawnServer, type ServerCommand, type ServerProcess, type StopStep } from './server-process.ts'
import { explainFailure, isPortTaken } from './start-failure.ts'

/** What is particular to one kind of server that runs as a child process. */
export interface ServerDefinition {
  readonly kind: BackingKind
  /** For people, as `PostgreSQL`. */
  readonly title: string
  readonly source: string
  readonly folder: DataFolder
  readonly logFile: string
  /** Writes what the server needs in its folder, and says how to run it. */
  command(port: number): Promise<ServerCommand>
  /** Whether the process with this id serves the port. */
  isReady(pid: number, port: number): Promise<boolean>
  /** Whether a start that failed with this output may work a moment later. */
  isTransient?(output: string): boolean
  url(port: number): string
  readonly stopSteps: readonly StopStep[]
  readonly exitSignal: NodeJS.Signals
}

export interface StartOptions {
  readonly port: number | undefined
  readonly signal: AbortSignal | undefined
}

const readyPollMs = 10
/** A crash recovery of a large database is the longest start. */
const startTimeoutMs = 60_000
/** Bounds the retries after a port was lost to another program, and after a kill that left processes behind. */
const retryWindowMs = 10_000
const retryWaitMs = 100

/** Starts a server as a child process, on the wanted port or a free one. */
export async function startLocalServer(definition: ServerDefinition, options: StartOptions): Promise<BackingServer> {
  const { kind, folder, source } = definition
  let running: ServerProcess | undefined
  let stopped: Promise<void> | undefined
  const guard = endWithProcess({
    get pid() {
      return running === undefined || running.hasExited() ? undefined : running.pid
    },
    exitSignal: definition.exitSignal,
    temporaryFolder: folder.temporary ? folder.path : undefined,
  })
  const onSpawn = (server: ServerProcess): void => void (running = server)
  const stop = async (): Promise<void> => {
    await running?.stop(definition.stopSteps)
    guard[Symbol.dispose]()
    await folder.release()
  }
  const port = await startSomewhere(definition, options, onSpawn).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return {
    kind,
    url: definition.url(port),
    host: loopback,
    port,
    source,
    get pid() {
      return running?.pid ?? 0
    },
    stop: async () => (stopped ??= stop()),
    kill: (signal) => {
      if (running?.pid !== undefined && !running.hasExited()) sendSignal(running.pid, signal)
    },
    ended: async () => running?.exited ?? 'not started',
    restart: async () => {
      if (stopped !== undefined) throw new LocalStackError(`${definition.title} was stopped`)
      await running?.stop(definition.stopSteps)
      await startOn(definition, port, undefined, onSpawn)
    },
    [Symbol.asyncDispose]: async () => (stopped ??= stop()),
  }
}

async function startSomewhere(
  definition: ServerDefinition,
  { port: wanted, signal }: StartOptions,
  onSpawn: (server: ServerProcess) => void,
): Promise<number> {
  if (wanted !== undefined) await assertPortFree(wanted, definition.title)
  const deadline = Date.now() + retryWindowMs
  for (;;) {
    const port = wanted ?? (await freePort())
    try {
      await startOn(definition, port, signal, onSpawn)
      return port
    } catch (error) {
      if (wanted !== undefined || !(error instanceof PortTakenError) || Date.now() > deadline) throw error
    }
  }
}

async function startOn(
  definition: ServerDefinition,
  port: number,
  signal: AbortSignal | undefined,
  onSpawn: (server: ServerProcess) => void,
): Promise<void> {
  const deadline = Date.now() + retryWindowMs
  for (;;) {
    signal?.throwIfAborted()
    const server = spawnServer(await definition.command(port), definition.logFile)
    onSpawn(server)
    if (await becomesReady(definition, server, port, signal)) return
    await server.stop(definition.stopSteps)
    signal?.throwIfAborted()
    const output = server.output()
    if (definition.isTransient?.(output) !== true || Date.now() > deadline) {
      const explanation = explainFailure(definition.title, output, await reasonOf(server))
      throw isPortTaken(output) ? new PortTakenError(explanation) : new LocalStackError(explanation)
    }
    await delay(retryWaitMs, undefined, signal === undefined ? {} : { signal })
  }
}

class PortTakenError extends LocalStackError {}

async function becomesReady(
  definition: ServerDefinition,
  server: ServerProcess,
  port: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs
  while (!server.hasExited() && server.pid !== undefined && Date.now() < deadline) {
    if (signal?.aborted === true) break
    if (await definition.isReady(server.pid, port)) return true
    await Promise.race([server.exited, delay(readyPollMs)])
  }
  return false
}

async function reasonOf(server: ServerProcess): Promise<string> {
  return server.hasExited() ? server.exited : `no sign of life within ${startTimeoutMs / 1_000} s`
}
