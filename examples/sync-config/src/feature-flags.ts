import type { SyncConfig } from '@qcore/sync-config'

/** Flags that are on or off for everybody: key `feature:<name>`. What is not there, or is no boolean, is off. */
export class FeatureFlags {
  readonly #config: SyncConfig

  constructor(config: SyncConfig) {
    this.#config = config
  }

  isEnabled(name: string): boolean {
    return this.#config.getBool(`feature:${name}`, false)
  }

  async enable(name: string): Promise<void> {
    await this.#config.set(`feature:${name}`, true)
  }

  async disable(name: string): Promise<void> {
    await this.#config.set(`feature:${name}`, false)
  }
}
