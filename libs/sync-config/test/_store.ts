import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { inject, vi } from 'vitest'
import {
  openSyncConfig,
  type ConfigChange,
  type ConfigProblem,
  type SyncConfig,
  type SyncConfigOptions,
} from '../src/index.ts'

/** A schema of its own, with plain SQL and any number of instances. Disposing ends them and drops it. */
export class TestStore implements AsyncDisposable {
  readonly schema = `test_${randomBytes(6).toString('hex')}`
  readonly address: string
  readonly client: Client
  readonly problems: ConfigProblem[] = []
  readonly #instances: SyncConfig[] = []

  constructor(address: string) {
    this.address = address
    this.client = new Client({ connectionString: address })
    this.client.on('error', () => undefined)
  }

  /** The table, as SQL. */
  get table(): string {
    return `${this.schema}.sync_config`
  }

  async open(options: Partial<SyncConfigOptions> = {}): Promise<SyncConfig> {
    const instance = await openSyncConfig({
      ...(options.pool === undefined ? { address: this.address } : {}),
      schema: this.schema,
      onProblem: (problem) => this.problems.push(problem),
      ...options,
    })
    this.#instances.push(instance)
    return instance
  }

  async sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const { rows } = await this.client.query<Record<string, unknown>>(text, values)
    return rows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.shutdown()))
    await this.client.query(`drop schema if exists ${this.schema} cascade`)
    await this.client.end()
  }
}

export async function openStore(address = inject('postgresUrl')): Promise<TestStore> {
  const store = new TestStore(address)
  await store.client.connect()
  return store
}

/** Records the changes that a callback gets. */
export function recordChanges(config: SyncConfig, options?: { prefix?: string }): ConfigChange[] {
  const changes: ConfigChange[] = []
  config.subscribe((_key, _value, change) => {
    changes.push(change)
  }, options)
  return changes
}

/** Waits until an assertion holds, as long as a machine that does much else may need. */
export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 10_000, interval: 5 })
}
