import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { folderVariable } from '../cluster/leftovers.ts'
import type { WorkerSettings } from './worker-settings.ts'

const program = path.join(import.meta.dirname, 'worker.ts')

/** A process that handles events, and can be killed and paused. */
export class EventWorker implements AsyncDisposable {
  readonly #settings: WorkerSettings
  readonly #dataFolder: string
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  /** @param dataFolder of the run, by which a worker that was left over is known */
  constructor(settings: WorkerSettings, dataFolder: string) {
    this.#settings = settings
    this.#dataFolder = dataFolder
  }

  get name(): string {
    return this.#settings.nodeId
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts the process; resolves when it consumes. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [program, JSON.stringify(this.#settings)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, [folderVariable]: this.#dataFolder },
    })
    this.#child = child
    const exited = once(child, 'exit')
    this.#exited = exited
    await Promise.race([
      once(child.stdout, 'data'),
      exited.then(() => {
        throw new Error(`${this.name} ended before it consumed`)
      }),
    ])
  }

  /** Ends the process at once. Gives how it ended. */
  async kill(): Promise<string> {
    this.signal('SIGKILL')
    await this.#exited
    return `${this.name} ended: ${this.#child?.signalCode ?? ''}`
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await this.kill()
  }
}
