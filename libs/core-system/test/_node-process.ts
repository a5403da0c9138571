import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestStore } from './_store.ts'

/** A node in a process of its own, that can be killed while it handles an event. */
export interface NodeProcess extends AsyncDisposable {
  /** Resolves when it handles its first event, and has written to the database in the open transaction. */
  readonly handling: Promise<void>
  signal(name: NodeJS.Signals): void
  readonly exited: Promise<unknown>
}

const program = fileURLToPath(new URL('./_hanging-node.ts', import.meta.url))

/** Starts it; resolves when it consumes. */
export async function startHangingNode(store: TestStore, namespace: string): Promise<NodeProcess> {
  const { qcore, connectionString } = store
  const argument = JSON.stringify({ qcore, namespace, connectionString })
  const child: ChildProcess = spawn(process.execPath, [program, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const words = { started: Promise.withResolvers<void>(), handling: Promise.withResolvers<void>() }
  if (child.stdout === null) throw new Error('the process has no output')
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'started' || line === 'handling') words[line].resolve()
  })
  await Promise.race([
    words.started.promise,
    exited.then(() => {
      throw new Error('the node ended')
    }),
  ])
  return {
    handling: words.handling.promise,
    signal: (name) => void child.kill(name),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
