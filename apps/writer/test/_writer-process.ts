import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { writerEnvironment } from './_writer-client.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A writer as a process of its own. */
export interface WriterProcess extends AsyncDisposable {
  readonly child: ChildProcess
  /** Resolves when it logs a message. */
  logged(message: string): Promise<void>
}

export function startWriterProcess(store: string, env: Record<string, string> = {}): WriterProcess {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...writerEnvironment(store, env) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const messages: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    messages.push((JSON.parse(line) as { msg: string }).msg)
    for (const check of waiting) check()
  })
  return {
    child,
    logged: (message) =>
      new Promise((resolve) => {
        const check = (): void => {
          const index = messages.indexOf(message)
          if (index === -1) return
          messages.splice(0, index + 1)
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
