import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { authSecret } from './_notifier.ts'

/** A notifier in a process of its own. */
export interface NotifierProcess extends AsyncDisposable {
  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void
  /** Resolves when it has ended. */
  readonly exited: Promise<unknown>
}

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Starts a notifier of a store; resolves when it serves. */
export async function startNotifierProcess(
  store: string,
  environment: Record<string, string> = {},
): Promise<NotifierProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      Q_STORE: store,
      Q_NATS_ADDR: inject('natsUrl'),
      Q_POSTGRES_ADDR: inject('postgresUrl'),
      Q_AUTH_SECRET: authSecret,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const serving = Promise.withResolvers<void>()
  lines.on('line', (line) => {
    if (process.env['TEST_LOG'] !== undefined) process.stderr.write(`${child.pid} ${line}\n`)
    if ((JSON.parse(line) as { msg: string }).msg === 'serving') serving.resolve()
  })
  await Promise.race([
    serving.promise,
    exited.then(() => {
      throw new Error('the notifier ended')
    }),
  ])
  return {
    kill: (signal) => void child.kill(signal),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
