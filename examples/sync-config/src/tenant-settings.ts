import type { JsonValue, SyncConfig } from '@qcore/sync-config'

/** For settings that a tenant has none of its own of. */
const everybody = 'default'

/**
 * Settings of tenants: key `tenant:<id>:<name>`, else `tenant:default:<name>`, else the default of the code. An id is encoded,
 * so that `a` and `a:b` are two tenants.
 */
export class TenantSettings {
  readonly #config: SyncConfig

  constructor(config: SyncConfig) {
    this.#config = config
  }

  getString(tenant: string, name: string, byDefault: string): string {
    return this.#config.getString(keyOf(tenant, name), this.#config.getString(keyOf(everybody, name), byDefault))
  }

  getInt(tenant: string, name: string, byDefault: number): number {
    return this.#config.getInt(keyOf(tenant, name), this.#config.getInt(keyOf(everybody, name), byDefault))
  }

  async set(tenant: string, name: string, value: JsonValue): Promise<void> {
    await this.#config.set(keyOf(tenant, name), value)
  }

  async setForEverybody(name: string, value: JsonValue): Promise<void> {
    await this.set(everybody, name, value)
  }

  async reset(tenant: string, name: string): Promise<void> {
    await this.#config.delete(keyOf(tenant, name))
  }

  /** The settings that a tenant has of its own. */
  list(tenant: string): Record<string, JsonValue> {
    const prefix = keyOf(tenant, '')
    return Object.fromEntries(
      Object.entries(this.#config.getAll(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
    )
  }

  /** Takes all of them back, in one commit. */
  async clear(tenant: string): Promise<void> {
    await this.#config.commit(this.#config.keys(keyOf(tenant, '')).map((key) => ({ key, delete: true as const })))
  }
}

function keyOf(tenant: string, name: string): string {
  return `tenant:${encodeURIComponent(tenant)}:${name}`
}
