import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const workspace = new URL('../../../', import.meta.url)

/** A service in a process of its own, that can be killed. */
export class ServiceProcess implements AsyncDisposable {
  readonly #mode: string
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | undefined

  constructor(mode: 'reader' | 'writer' | 'notifier', env: Readonly<Record<string, string>>) {
    this.#mode = mode
    this.#env = env
    this.start()
  }

  start(): void {
    const main = new URL(`apps/${this.#mode}/src/main.ts`, workspace).pathname
    this.#child = spawn(process.execPath, [main], { env: { ...process.env, ...this.#env }, stdio: 'inherit' })
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
