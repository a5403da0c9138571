import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface NotifierProcess extends AsyncDisposable {
  kill(): Promise<void>
}

/** A notifier in a process of its own. */
export function startNotifier(env: Readonly<Record<string, string>>): NotifierProcess {
  const main = fileURLToPath(new URL('../../../apps/notifier/src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { env: { ...process.env, ...env }, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  return { kill, [Symbol.asyncDispose]: kill }
}
