import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { childrenOf } from './process-state.ts'

const stopMs = 3_000

/** Slows what a program does to make data durable. */
export interface SlowSync {
  /** Ends it. Returns how many calls were slowed. */
  end(): Promise<number>
}

/** Delays every fsync and fdatasync of a process, its children, and those that they start. Needs strace and root. */
export function slowSync(pid: number, { delayMs, report }: { delayMs: number; report: string }): SlowSync {
  const pids = [pid, ...childrenOf(pid)].flatMap((each) => ['-p', String(each)])
  const calls = 'fsync,fdatasync'
  const inject = `inject=${calls}:delay_enter=${delayMs}ms`
  const args = ['-f', '-qq', '-e', `trace=${calls}`, '-e', inject, '-o', report, ...pids]
  const child = spawn('strace', args, { stdio: 'ignore' })
  const ended = once(child, 'exit')
  return {
    end: async () => {
      // It lets go of the processes first.
      child.kill('SIGINT')
      await Promise.race([ended, delay(stopMs, undefined, { ref: false })])
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
      const lines = (await readFile(report, 'utf8')).split('\n')
      return lines.filter((line) => line.includes('(DELAYED)')).length
    },
  }
}
