import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('_instance-program.ts', import.meta.url))

/** An instance that runs in a process of its own. */
export interface InstanceProcess extends AsyncDisposable {
  readonly child: ChildProcess
  /** What it told, line by line. */
  readonly lines: string[]
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

export function startInstance(env: Readonly<Record<string, string>>): InstanceProcess {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], Q_LOG_LEVEL: 'silent', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return {
    child,
    lines,
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
