import { rmSync } from 'node:fs'
import { sendSignal } from './process-mark.ts'

/** A server that must not outlive this process. */
export interface LiveServer {
  /** Its process, if it runs now. */
  readonly pid: number | undefined
  /** What ends it; used when this process ends without stopping it. */
  readonly exitSignal: NodeJS.Signals
  /** Removed with it. */
  readonly temporaryFolder: string | undefined
}

const live = new Set<LiveServer>()
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Ends the server when this process exits or is ended by a signal, until disposed. */
export function endWithProcess(server: LiveServer): Disposable {
  if (live.size === 0) {
    process.on('exit', endAll)
    for (const signal of endingSignals) process.on(signal, onSignal)
  }
  live.add(server)
  return {
    [Symbol.dispose]: () => {
      if (live.delete(server) && live.size === 0) forget()
    },
  }
}

function endAll(): void {
  for (const { pid, exitSignal, temporaryFolder } of live) {
    if (pid !== undefined) sendSignal(pid, exitSignal)
    if (temporaryFolder !== undefined) removeNow(temporaryFolder)
  }
}

function onSignal(signal: NodeJS.Signals): void {
  // Whoever else listens decides what the signal means: it may want to use the servers for its own end.
  if (process.listenerCount(signal) > 1) return
  endAll()
  forget()
  process.kill(process.pid, signal)
}

function forget(): void {
  live.clear()
  process.off('exit', endAll)
  for (const signal of endingSignals) process.off(signal, onSignal)
}

function removeNow(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 2 })
  } catch {
    // The server is still writing; the next start removes what is left.
  }
}
