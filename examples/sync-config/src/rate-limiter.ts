import type { SyncConfig } from '@qcore/sync-config'

const defaultLimit = 100

interface Window {
  readonly startedAtMs: number
  used: number
}

/** Requests of an endpoint per window, up to a limit that an operator changes: key `rate_limit:<endpoint>`. 0 blocks all. */
export class RateLimiter {
  readonly #config: SyncConfig
  readonly #windowMs: number
  readonly #nowMs: () => number
  readonly #windows = new Map<string, Window>()

  /** @param nowMs a clock that does not go back */
  constructor(config: SyncConfig, { windowMs = 60_000, nowMs = () => performance.now() } = {}) {
    this.#config = config
    this.#windowMs = windowMs
    this.#nowMs = nowMs
  }

  getLimit(endpoint: string): number {
    return this.#config.getInt(`rate_limit:${endpoint}`, defaultLimit)
  }

  async updateLimit(endpoint: string, limit: number): Promise<void> {
    await this.#config.set(`rate_limit:${endpoint}`, limit)
  }

  /** Whether a request may pass; if so, it is counted. A new limit holds from the next request on. */
  tryPass(endpoint: string): boolean {
    const nowMs = this.#nowMs()
    let window = this.#windows.get(endpoint)
    if (window === undefined || nowMs - window.startedAtMs >= this.#windowMs) {
      window = { startedAtMs: nowMs, used: 0 }
      this.#windows.set(endpoint, window)
    }
    if (window.used >= this.getLimit(endpoint)) return false
    window.used += 1
    return true
  }
}
